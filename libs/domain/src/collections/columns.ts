/** Turns rows into one list for each of these names. */
export function columnsOf<Row, Name extends keyof Row>(
  names: readonly Name[],
  rows: readonly Row[],
): { [Each in Name]: Row[Each][] } {
  const columns: Partial<{ [Each in Name]: Row[Each][] }> = {}
  for (const name of names) columns[name] = rows.map((row) => row[name])
  return columns as { [Each in Name]: Row[Each][] }
}

/** Returns the row at a place of such lists; the place must exist. */
export function rowAt<
  Columns extends Readonly<Record<Name, readonly unknown[]>>,
  Name extends string,
>(names: readonly Name[], columns: Columns, at: number): { [Each in Name]: Columns[Each][number] } {
  const row: Partial<{ [Each in Name]: Columns[Each][number] }> = {}
  for (const name of names) row[name] = columns[name][at]
  return row as { [Each in Name]: Columns[Each][number] }
}
