/** How many workers a fleet on one machine may have. */
export interface ScaleBounds {
  readonly min: number
  readonly max: number
}

/** The least that survives the death of one node. */
const WORKERS_MIN = 2

/**
 * The autoscaler's bounds for a fleet on one machine: more workers than cores would only share them.
 * SCALE_MIN and SCALE_MAX of the environment take precedence; the autoscaler reports their faults.
 */
export function scaleBoundsOf(
  env: Readonly<Record<string, string | undefined>>,
  workers: number,
  cores: number,
): ScaleBounds {
  const min = Number(env['SCALE_MIN'] || Math.min(WORKERS_MIN, workers))
  return { min, max: Number(env['SCALE_MAX'] || Math.max(min, workers, cores)) }
}
