/** Returns the median, and of two middle values the lower one; 0 if there are no values. */
export function lowerMedian(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[(sorted.length - 1) >> 1] ?? 0
}
