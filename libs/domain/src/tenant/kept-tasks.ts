/**
 * How the tenants share the places of ended tasks.
 *
 * The places belong to all tenants in equal parts, and other tenants use what a tenant leaves free. So the tenant
 * with the most ended tasks loses its oldest first, and a tenant with few keeps all of them. Invariants:
 * - KEPT-1: the tenants together keep at most `most` tasks.
 * - KEPT-2: a tenant that has no more than an equal part of the places keeps all its tasks.
 * - KEPT-3: the only tenant of a fleet may use every place.
 */

/** Returns the most ended tasks that each tenant keeps; `counts` holds what each tenant has now. */
export function keptByEach(counts: readonly number[], most: number): number {
  const rising = counts.toSorted((a, b) => a - b)
  let free = most
  for (const [index, count] of rising.entries()) {
    const part = Math.floor(free / (rising.length - index))
    // The others have at least as many, so none of them fits into its part either.
    if (count > part) return part
    free -= count
  }
  return Infinity
}
