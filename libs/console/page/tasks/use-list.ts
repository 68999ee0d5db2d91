import { useEffect, useRef, useState } from 'preact/hooks'
import type { TaskPage } from '@agentfleet/protocol'
import { request } from '../api/http.ts'
import { useLoad, type Loaded } from '../api/load.ts'
import { owner } from '../api/me.ts'
import { withQuery } from '../api/query.ts'
import { place, returned } from '../shell/router.ts'
import type { Filters } from './filters.ts'
import { listOf, pageAt, withAgain, withNext, type TaskList } from './list.ts'
import { lastList, lastTop } from './neighbours.ts'

const EVERY_MS = 3_000
const PAGE_TASKS = 100
/** The next page is read when the reader is this near to the last row, rows. */
const NEAR_END_ROWS = 40

interface Read {
  readonly index: number
  readonly page: TaskPage
}

/** The list that the filters show. */
export interface ShownList {
  readonly loaded: Loaded<readonly Read[]>
  readonly list: TaskList | undefined
  /** Tells which rows are in view: their page is read again and again, and near the end the next page is read. */
  readonly seen: (first: number, last: number) => void
  /** Shows the newest tasks at the top. */
  readonly renew: () => void
}

/** Loads the list, keeps the rows in view current, and lets no row move while the reader is busy with the list. */
export function useTaskList(filters: Filters, isCalm: () => boolean): ShownList {
  const query = { ...filters, limit: PAGE_TASKS }
  const path = withQuery('/v1/tasks', query)
  const [state, setState] = useState<{ path: string; list: TaskList } | undefined>(() => {
    const known = returned.peek() ? lastList.peek() : undefined
    if (known?.path === path && known.owner === owner.peek()) return known
    lastTop.value = 0
    return undefined
  })
  const list = state?.path === path ? state.list : undefined
  const latest = useRef(list)
  latest.current = list
  useEffect(() => {
    if (list !== undefined)
      lastList.value = { list, path, owner: owner.peek(), query: place.peek().query }
  }, [list])
  const view = useRef({ first: 0, last: 0 })
  const busy = useRef(false)
  const anew = useRef(false)

  const read = (cursor: string | undefined, signal?: AbortSignal) =>
    request<TaskPage>(withQuery('/v1/tasks', { ...query, cursor }), { signal })
  const loaded = useLoad(
    path,
    async (signal) => {
      const index = latest.current === undefined ? 0 : pageAt(latest.current, view.current.first)
      const reads = [{ index: 0, page: await read(undefined, signal) }]
      const cursor = latest.current?.pages[index]?.cursor
      if (index > 0) reads.push({ index, page: await read(cursor, signal) })
      return reads
    },
    EVERY_MS,
  )
  const { value } = loaded
  useEffect(() => {
    const first = value?.[0]?.page
    if (value === undefined || first === undefined) return
    setState((before) => {
      const own = before?.path === path ? before.list : undefined
      const still = own !== undefined && !anew.current && (own.pages.length > 1 || !isCalm())
      anew.current = false
      if (!still) return { path, list: listOf(first) }
      return { path, list: value.reduce((now, each) => withAgain(now, each.index, each.page), own) }
    })
  }, [value])

  const readNext = async (cursor: string) => {
    busy.current = true
    try {
      const page = await read(cursor)
      setState((before) =>
        before?.path === path && before.list.nextCursor === cursor
          ? { path, list: withNext(before.list, page) }
          : before,
      )
    } finally {
      busy.current = false
    }
  }
  const readOn = () => {
    const { nextCursor, length } = latest.current ?? { nextCursor: undefined, length: 0 }
    if (nextCursor === undefined || busy.current || view.current.last < length - NEAR_END_ROWS)
      return
    void readNext(nextCursor).catch(loaded.reload)
  }
  // A page can be empty and have a next one: the filters matched none of the tasks that were looked at.
  useEffect(readOn, [list])
  const seen = (first: number, last: number) => {
    view.current = { first, last }
    readOn()
  }
  const renew = () => {
    anew.current = true
    lastTop.value = 0
    loaded.reload()
  }
  return { loaded, list, seen, renew }
}
