import { useRef, useState } from 'preact/hooks'
import { costText, count, duration, isTerminal, plural } from '@agentfleet/domain'
import type { TaskSummary } from '@agentfleet/protocol'
import { Button } from '../parts/button.tsx'
import { nowMs } from '../api/http.ts'
import { Allowed } from '../parts/forms/allowed.tsx'
import { ListHeading } from '../parts/list-heading.tsx'
import { Command, curl } from '../parts/command.tsx'
import { NodeLink, TaskLink } from '../parts/links.tsx'
import { StateMark } from '../parts/mark.tsx'
import { Panel } from '../parts/panel.tsx'
import { Ago, Instant } from '../parts/time.tsx'
import { VirtualTable, type WideColumn } from '../parts/tables/virtual-table.tsx'
import { place, setQuery } from '../shell/router.ts'
import { zone } from '../shell/zone.ts'
import { partsOfIds } from './bulk.ts'
import { BulkDialog, type Wanted } from './bulk-dialog.tsx'
import { FilterBar, NO_FILTERS } from './filter-bar.tsx'
import { cancelBodies, filterWords, filtersOf, replayBodies, type Filters } from './filters.ts'
import { rowsBetween, rowsWith, usedBy, usedWords, type TaskList } from './list.ts'
import { NewTask } from './new-task.tsx'
import { lastTop } from './neighbours.ts'
import { SavedViews } from './saved-views.tsx'
import { useTaskList } from './use-list.ts'

/** Room for the longest error code, pixels. All columns fit beside the rail on a screen of 1,280 pixels. */
const ERROR_PX = 152

const WITH_ERRORS: readonly WideColumn<TaskSummary>[] = [
  { title: 'Task', width: 86, of: ({ id }) => <TaskLink id={id} /> },
  { title: 'State', width: 100, of: ({ state }) => <StateMark state={state} /> },
  { title: 'Text', kind: 'wide', of: ({ preview }) => <bdi>{preview}</bdi> },
  {
    title: 'Error',
    width: ERROR_PX,
    of: ({ error }) => error && <span title={error.message}>{error.code}</span>,
  },
  { title: 'Agent', width: 88, of: ({ agent }) => <span title={agent}>{agent}</span> },
  { title: 'Model', width: 88, of: ({ model }) => <span title={model}>{model}</span> },
  { title: 'Node', width: 80, of: ({ node }) => <NodeLink id={node} short /> },
  { title: 'Submitted', width: 86, kind: 'number', of: ({ createdAt }) => <Ago at={createdAt} /> },
  { title: 'Took', width: 76, kind: 'number', of: (task) => duration(tookMs(task)) },
  {
    title: 'Tokens',
    width: 66,
    kind: 'number',
    of: ({ usage }) => count(usage.inputTokens + usage.outputTokens),
  },
  { title: 'Cost', width: 74, kind: 'number', of: ({ usage }) => costText(usage) },
]
/** Without an error the text gets the room of its column. */
const WITHOUT_ERRORS = WITH_ERRORS.filter(({ title }) => title !== 'Error')

/** The time from submission to the end, or to now. */
function tookMs({ endedAt, createdAt }: TaskSummary): number {
  return (endedAt === undefined ? nowMs() : Date.parse(endedAt)) - Date.parse(createdAt)
}

/** Whether the reader has scrolled the rows, or has one focused or under the pointer. */
function isInUse(rows: HTMLElement): boolean {
  const isScrolled = (rows.querySelector('.tall')?.scrollTop ?? 0) > 0
  return isScrolled || rows.matches(':hover') || rows.contains(document.activeElement)
}

/** The list of tasks: filter, select, act. */
export function Tasks() {
  const filters = filtersOf(place.value.query)
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set())
  const [wanted, setWanted] = useState<Wanted>()
  const box = useRef<HTMLDivElement>(null)
  /** Whether rows may move: the reader is at the top and has no row selected, focused or under the pointer. */
  const isCalm = () =>
    box.current === null || (picked.size === 0 && wanted === undefined && !isInUse(box.current))
  const { loaded, list, seen, renew } = useTaskList(filters, isCalm)
  const toggle = (id: string) => setPicked((before) => toggled(before, id))

  return (
    <>
      <ListHeading title="Tasks" kind="task">
        {(how) => <NewTask {...how} />}
      </ListHeading>
      <FilterBar filters={filters}>
        <SavedViews words={filterWords(filters, zone.value)} />
      </FilterBar>
      <Allowed scope="tasks:write" to="cancel or replay tasks">
        <Actions
          list={list}
          filters={filters}
          picked={picked}
          want={setWanted}
          clear={() => setPicked(new Set())}
        />
      </Allowed>
      {wanted !== undefined && (
        <BulkDialog
          wanted={wanted}
          closed={(acted) => {
            setWanted(undefined)
            if (!acted) return
            setPicked(new Set())
            renew()
          }}
        />
      )}
      <Panel loaded={{ ...loaded, value: list }}>
        {(shown) => (
          <>
            <News list={shown} renew={renew} />
            {shown.length === 0 && shown.nextCursor === undefined ? (
              <Empty filters={filters} />
            ) : (
              <div ref={box} class="tasks">
                <VirtualTable
                  caption="Tasks, newest first"
                  columns={shown.hasErrors ? WITH_ERRORS : WITHOUT_ERRORS}
                  rows={{ length: shown.length, slice: (from, to) => rowsBetween(shown, from, to) }}
                  keyOf={({ id }) => id}
                  complete={shown.nextCursor === undefined}
                  picked={{ keys: picked, toggle }}
                  dimmed={shown.gone}
                  seen={seen}
                  top={lastTop}
                />
              </div>
            )}
            <p class="muted">
              <End list={shown} />
            </p>
          </>
        )}
      </Panel>
    </>
  )
}

function toggled(before: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const after = new Set(before)
  if (!after.delete(id)) after.add(id)
  return after
}

function End({ list: { nextCursor, keptFrom } }: { list: TaskList }) {
  if (nextCursor !== undefined) return <>Scroll down for more.</>
  if (keptFrom === undefined) return <>This is the end of the list.</>
  return (
    <>
      This is the end of the list: tasks that ended before <Instant at={keptFrom} /> are no longer
      stored.
    </>
  )
}

/** Says what the rows have cost and how many tasks they leave out, and shows these tasks when the reader asks. */
function News({ list, renew }: { list: TaskList; renew: () => void }) {
  const { unseen, gone } = list
  const parts = [
    ...(unseen > 0 ? [`${unseen} new`] : []),
    ...(gone.size > 0 ? [`${gone.size} no longer match`] : []),
  ]
  return (
    <div class="row news">
      {list.length > 0 && <span class="muted">{usedWords(list)}</span>}
      <p class="row" role="status">
        {parts.length > 0 && <Button act={renew}>{parts.join(', ')}: show the current list</Button>}
      </p>
    </div>
  )
}

function Empty({ filters }: { filters: Filters }) {
  if (Object.keys(filters).length === 0) {
    return (
      <Command text={curl('POST', '/v1/tasks', { task: 'Write a haiku' })}>
        You have no tasks. Submit one with the form or with this command:
      </Command>
    )
  }
  return (
    <p class="empty">
      No task matches: {filterWords(filters, zone.value)}.{' '}
      <Button act={() => setQuery(NO_FILTERS)}>Show all tasks</Button>
    </p>
  )
}

/** The actions on the selected tasks and on all that match. */
function Actions({
  list,
  filters,
  picked,
  want,
  clear,
}: {
  list: TaskList | undefined
  filters: Filters
  picked: ReadonlySet<string>
  want: (wanted: Wanted) => void
  clear: () => void
}) {
  const tasks = list === undefined ? [] : rowsWith(list, picked)
  const idsWhere = (ended: boolean) =>
    tasks.filter(({ state }) => isTerminal(state) === ended).map(({ id }) => id)
  const [live, ended] = [idsWhere(false), idsWhere(true)]
  const what = filterWords(filters, zone.value)
  const ofMatching = (verb: Wanted['verb'], which: string, parts: Wanted['parts']) => {
    const words = what === '' ? '' : ` and match: ${what}`
    want({ verb, what: `All tasks ${which}${words}.`, parts })
  }
  // The action does not apply to tasks that are submitted while the reader decides.
  const untilNow = (): Filters => ({
    ...filters,
    createdBefore: filters['createdBefore'] ?? new Date(nowMs()).toISOString(),
  })
  const cancelAll = () => cancelBodies(untilNow())
  const replayAll = () => replayBodies(untilNow())
  const replayed = filters.state === undefined ? 'that failed' : 'that have ended'
  const ofSelected = (verb: Wanted['verb'], ids: readonly string[]) =>
    want({ verb, what: `${plural(ids.length, 'selected task')}.`, parts: partsOfIds(ids) })
  return (
    <div class="actions" role="group" aria-label="Actions">
      {picked.size > 0 && (
        <>
          <span>
            {plural(picked.size, 'task')} selected, {costText(usedBy(tasks))}
          </span>
          <Button disabled={live.length === 0} act={() => ofSelected('cancel', live)}>
            Cancel {live.length} …
          </Button>
          <Button disabled={ended.length === 0} act={() => ofSelected('replay', ended)}>
            Replay {ended.length} …
          </Button>
          <Button act={clear}>Clear selection</Button>
        </>
      )}
      <Button
        disabled={cancelAll().length === 0}
        act={() => ofMatching('cancel', 'that have not ended', cancelAll())}
      >
        Cancel all that match …
      </Button>
      <Button
        disabled={replayAll().length === 0}
        act={() => ofMatching('replay', replayed, replayAll())}
      >
        Replay all that match …
      </Button>
    </div>
  )
}
