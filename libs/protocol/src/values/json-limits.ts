import { SPEC_LIMITS } from '@agentfleet/domain'

/** Largest size and depth of a JSON value. */
export interface JsonLimits {
  /** Levels of nested lists and objects. */
  readonly depthMax: number
  /** Bytes of it as compact JSON. */
  readonly bytesMax: number
}

/** The limits of the context of a task or goal. */
export const CONTEXT_LIMITS: JsonLimits = {
  depthMax: SPEC_LIMITS.contextDepthMax,
  bytesMax: SPEC_LIMITS.contextBytesMax,
}
/** The limits of the schema of a result. */
export const RESPONSE_SCHEMA_LIMITS: JsonLimits = {
  depthMax: SPEC_LIMITS.schemaDepthMax,
  bytesMax: SPEC_LIMITS.schemaBytesMax,
}

/** The fault in the size of a JSON value, in words that follow its name; undefined: none. */
export function jsonProblem(
  value: unknown,
  { depthMax, bytesMax }: JsonLimits,
): string | undefined {
  // The depth comes first: a value that is far too deep cannot even be serialised.
  const problem = problemWithin(value, depthMax)
  if (problem === 'depth') return `must be at most ${depthMax} levels deep`
  if (problem === 'number')
    return 'must have numbers below 1.8e308 only; send a larger number as text'
  if (Buffer.byteLength(JSON.stringify(value) ?? '') <= bytesMax) return undefined
  return `must be at most ${bytesMax / 1024} KiB as compact JSON`
}

/** A number such as 1e400 is read as infinity, which would be stored as null. */
function problemWithin(value: unknown, levels: number): 'depth' | 'number' | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'number'
  if (value === null || typeof value !== 'object') return undefined
  if (levels === 0) return 'depth'
  const inner: unknown[] = Array.isArray(value) ? value : Object.values(value)
  for (const each of inner) {
    const problem = problemWithin(each, levels - 1)
    if (problem !== undefined) return problem
  }
  return undefined
}
