/** The fields that have a value: where a value is optional, its field is absent and never undefined. */
export function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  // Entries and pairs would cost a submission microseconds.
  const kept: { [K in keyof T]?: Exclude<T[K], undefined> } = {}
  for (const name of Object.keys(fields) as (keyof T)[]) {
    const value = fields[name]
    if (value !== undefined) kept[name] = value as Exclude<T[keyof T], undefined>
  }
  return kept
}
