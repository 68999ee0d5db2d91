const PARALLEL = 200

/** Runs `run` for each item, at most PARALLEL at once; returns the results in the order of the items. */
export async function inParallel<T, R>(
  items: readonly T[],
  run: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = []
  for (let start = 0; start < items.length; start += PARALLEL) {
    results.push(...(await Promise.all(items.slice(start, start + PARALLEL).map(run))))
  }
  return results
}
