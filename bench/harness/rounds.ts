/**
 * The order in which configurations run: every round runs each one once, forwards in even rounds
 * and backwards in odd ones.
 *
 * Neighbors in the list stay neighbors in time, so what is to be compared stands side by side, and
 * neither of the two always comes first.
 */
export function interleave<T>(
  configurations: readonly T[],
  rounds: number,
): { round: number; configuration: T }[] {
  const order: { round: number; configuration: T }[] = [];
  for (let round = 0; round < rounds; round++) {
    const list = round % 2 === 0 ? configurations : [...configurations].reverse();
    for (const configuration of list) order.push({ round, configuration });
  }
  return order;
}
