import { useState } from 'preact/hooks'
import { useLoad, type Loaded } from '../api/load.ts'
import { withQuery } from '../api/query.ts'

type Query = Readonly<Record<string, string | undefined>>
/** One page of a listing. */
interface Page<Row> {
  readonly rows: readonly Row[]
  /** Absent on the last page. */
  readonly nextCursor?: string | undefined
}

/** A listing of which the reader has asked for one page or more. */
export interface Listing<Row> {
  readonly loaded: Loaded<readonly Row[]>
  /** Reads the next page; undefined at the end of the list. */
  readonly more: (() => void) | undefined
}

/** Loads the first page again and again until the reader asks for more, then holds still. */
export function useListing<Row>(
  path: string,
  query: Query,
  read: (path: string, signal?: AbortSignal) => Promise<Page<Row>>,
  everyMs: number,
): Listing<Row> {
  const first = withQuery(path, query)
  const [further, setFurther] = useState<{
    first: string
    rows: readonly Row[]
    cursor: string | undefined
  }>()
  const own = further?.first === first ? further : undefined
  const loaded = useLoad(
    first,
    (signal) => read(first, signal),
    own === undefined ? everyMs : undefined,
  )
  const { value } = loaded
  const cursor = own === undefined ? value?.nextCursor : own.cursor
  const readMore = async () => {
    const page = await read(withQuery(path, { ...query, cursor }))
    setFurther({ first, rows: [...(own?.rows ?? []), ...page.rows], cursor: page.nextCursor })
  }
  return {
    loaded: {
      ...loaded,
      value: value === undefined ? undefined : [...value.rows, ...(own?.rows ?? [])],
    },
    more: cursor === undefined ? undefined : () => void readMore().catch(loaded.reload),
  }
}

/** The button that reads the next page. */
export function More({ more, end }: { more: (() => void) | undefined; end: string }) {
  if (more === undefined) return <p class="muted">{end}</p>
  return (
    <p>
      <button type="button" onClick={more}>
        Show more
      </button>
    </p>
  )
}
