import { useState } from 'preact/hooks'
import { signal } from '@preact/signals'
import { Button } from '../button.tsx'
import { request } from '../../api/http.ts'
import { useLoad } from '../../api/load.ts'
import { owner } from '../../api/me.ts'
import { withQuery } from '../../api/query.ts'
import { returned } from '../../shell/router.ts'
import { Panel } from '../panel.tsx'
import { Table, type TableProps } from './table.tsx'

const PAGE_ROWS = 50

/** The pages after the first one that the reader has asked for. */
interface Further {
  /** The tenant and the request of the first page. */
  readonly name: string
  readonly rows: readonly unknown[]
  readonly cursor: string | undefined
}

/** The pages that the reader asked for last: the back button leads to them again. */
const lastFurther = signal<Further | undefined>(undefined)

/**
 * A listing of the API as a table. The first page is loaded again and again until the reader asks for more; then the
 * rows hold still.
 */
export function ListingTable<Row>({
  of,
  query = {},
  everyMs,
  end,
  ...table
}: Omit<TableProps<Row>, 'rows'> & {
  /** What is listed: the end of the path, and the field of the answer that has the rows. */
  of: string
  query?: Readonly<Record<string, string | undefined>>
  everyMs: number
  /** What the end of the list means. */
  end: string
}) {
  const pageFrom = (cursor?: string) =>
    withQuery(`/v1/${of}`, { ...query, limit: PAGE_ROWS, cursor })
  const first = pageFrom()
  const name = `${owner.peek()} ${first}`
  const [further, setFurther] = useState(() => (returned.peek() ? lastFurther.peek() : undefined))
  const own = further?.name === name ? further : undefined
  const read = async (from: string, signal?: AbortSignal) => {
    type Page = Readonly<Record<string, readonly Row[] | undefined>>
    type Cursor = { readonly nextCursor?: string }
    const page = await request<unknown>(from, { signal })
    return { rows: (page as Page)[of] ?? [], cursor: (page as Cursor).nextCursor }
  }
  const loaded = useLoad(
    first,
    (signal) => read(first, signal),
    own === undefined ? everyMs : undefined,
  )
  const cursor = own === undefined ? loaded.value?.cursor : own.cursor
  const readMore = async () => {
    const page = await read(pageFrom(cursor))
    const next = { name, rows: [...(own?.rows ?? []), ...page.rows], cursor: page.cursor }
    lastFurther.value = next
    setFurther(next)
  }
  return (
    <Panel loaded={loaded}>
      {({ rows }) => (
        <>
          <Table {...table} rows={[...rows, ...((own?.rows ?? []) as readonly Row[])]} />
          <p class="muted">
            {cursor === undefined ? (
              end
            ) : (
              <Button act={() => readMore().catch(loaded.reload)}>Show more</Button>
            )}
          </p>
        </>
      )}
    </Panel>
  )
}
