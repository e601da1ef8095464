/** A descriptor that inherits no `get` or `set` which somebody put into Object.prototype. */
export function descriptorOf(descriptor: PropertyDescriptor): PropertyDescriptor {
  return Object.assign(Object.create(null), descriptor);
}
