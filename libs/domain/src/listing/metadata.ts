import type { TaskSpec } from '../task/spec.ts'

/** Metadata of a large task that its facts keep: a few short pairs, characters of JSON. */
const METADATA_KEPT_CHARS = 512
/** Longer values are not worth a row in a table of usage, characters. */
const COUNTED_VALUE_CHARS = 128
/** A key that `USAGE_METADATA_KEYS` may name: it stands in keys of Redis and in queries. */
const COUNTED_KEY = /^[\w.-]{1,64}$/
/** Each key adds up to eight counters to each call of a task. */
const COUNTED_KEYS_MAX = 4

/** The value of a counted key; `value` is undefined if it is too long to be counted alone. */
export interface CountedValue {
  readonly key: string
  readonly value: string | undefined
}

/** Returns the metadata that the facts of a task keep, however large the task is. */
export function keptMetadata({ metadata }: Pick<TaskSpec, 'metadata'>): TaskSpec['metadata'] {
  return metadata !== undefined && JSON.stringify(metadata).length <= METADATA_KEPT_CHARS
    ? metadata
    : undefined
}

/** Returns what the usage of a task counts for: its value of each of these keys that it has. */
export function countedValues(
  spec: Pick<TaskSpec, 'metadata'>,
  keys: readonly string[],
): readonly CountedValue[] {
  if (keys.length === 0) return []
  const kept = keptMetadata(spec) ?? {}
  return keys.flatMap((key) => {
    const value = Object.hasOwn(kept, key) ? kept[key] : undefined
    if (value === undefined) return []
    return [{ key, value: value.length <= COUNTED_VALUE_CHARS ? value : undefined }]
  })
}

/** Returns what is wrong with the keys of `USAGE_METADATA_KEYS`; empty if nothing is. */
export function countedKeyProblems(keys: readonly string[]): readonly string[] {
  const wrong = keys.filter((key) => !COUNTED_KEY.test(key))
  return [
    ...wrong.map(
      (key) =>
        `USAGE_METADATA_KEYS: ${JSON.stringify(key)} is not a key of 1 to 64 letters, digits or ._-`,
    ),
    ...(new Set(keys).size > COUNTED_KEYS_MAX
      ? [`USAGE_METADATA_KEYS: names more than ${COUNTED_KEYS_MAX} keys`]
      : []),
  ]
}
