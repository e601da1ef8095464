/** fs.realpath with a callback, whose walk is done with Node's own stat and lstat. */

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

let walking = 0;

/**
 * Whether stats are to be Node's. Its walk along a path ends at a pipe or a socket, such as
 * `/dev/stdin`, which it tells by what its last `stat` left in memory that only Node writes: after
 * a stat of ours that may be anything, and the walk would go on, or end too early.
 */
export function needsNodeStats(): boolean {
  return walking > 0;
}

/** Has `needsNodeStats` hold from each call of fs.realpath until its callback. */
export function announceWalks(realpath: AnyFunction): AnyFunction {
  return function (this: unknown, ...args: unknown[]): unknown {
    const at = typeof args[1] === "function" ? 1 : 2;
    const callback = args[at];
    if (typeof callback !== "function") return Reflect.apply(realpath, this, args);
    let isOver = false;
    const end = () => {
      if (!isOver) walking--;
      isOver = true;
    };
    args[at] = function (this: unknown, ...results: unknown[]): unknown {
      end();
      return Reflect.apply(callback, this, results);
    };
    walking++;
    try {
      return Reflect.apply(realpath, this, args);
    } catch (error) {
      end();
      throw error;
    }
  };
}
