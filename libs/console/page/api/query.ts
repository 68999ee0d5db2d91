/** A value of a query; a list is written as repeated entries. */
type QueryValue = string | number | readonly string[] | undefined

/** Writes the query of a request; entries without a value are left out. */
export function withQuery(path: string, query: Readonly<Record<string, QueryValue>>): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    listed(value).map((each) => [name, each] as [string, string]),
  )
  const search = new URLSearchParams(given).toString()
  return search === '' ? path : `${path}?${search}`
}

function listed(value: QueryValue): readonly string[] {
  if (value === undefined || value === '') return []
  return typeof value === 'object' ? value : [String(value)]
}
