/** Steps of the colour ramp of the load. */
export const LOAD_STEPS = 5

/** Returns the step of a node's load, from 1 (idle) to LOAD_STEPS (every slot used). */
export function loadStep({
  active,
  slots,
}: {
  readonly active: number
  readonly slots: number
}): number {
  if (active <= 0) return 1
  if (slots <= 0 || active >= slots) return LOAD_STEPS
  return 1 + Math.ceil((active / slots) * (LOAD_STEPS - 2))
}
