import { LEVELS } from '@agentfleet/domain'
import type { BulkCancelRequest, TaskSummary } from '@agentfleet/protocol'
import { instant } from '../format/format.ts'
import { linesOf } from '../shell/routes.ts'
import type { BulkPart } from './bulk.ts'

type State = TaskSummary['state']

const UNFINISHED = ['waiting', 'queued', 'running', 'retrying'] as const satisfies readonly State[]
const ENDED = ['completed', 'failed', 'cancelled'] as const satisfies readonly State[]
/** The states of a task, in the order of its life. */
export const STATES = [...UNFINISHED, ...ENDED] as const

/** One filter of the list: its name in the address and in the API, and how a reader enters it. */
export interface Field {
  readonly name: string
  readonly label: string
  readonly kind: 'text' | 'choice' | 'time' | 'pairs'
  readonly choices?: readonly string[]
  /** Whether the filter stands in the bar; the other filters are behind "More filters". */
  readonly common?: true
}

/** Every filter of the list except the states, which have buttons. */
export const FIELDS: readonly Field[] = [
  { name: 'q', label: 'Text or id', kind: 'text', common: true },
  { name: 'agent', label: 'Agent', kind: 'text', common: true },
  { name: 'errorCode', label: 'Error code', kind: 'text', common: true },
  { name: 'model', label: 'Model', kind: 'text' },
  { name: 'node', label: 'Node', kind: 'text' },
  { name: 'priority', label: 'Priority', kind: 'choice', choices: LEVELS },
  { name: 'kind', label: 'Kind', kind: 'choice', choices: ['task', 'goal', 'child'] },
  {
    name: 'waitingKind',
    label: 'Waits for',
    kind: 'choice',
    choices: ['dependencies', 'time', 'children', 'approval'],
  },
  { name: 'parentId', label: 'Created by task', kind: 'text' },
  { name: 'replayOf', label: 'Replay of task', kind: 'text' },
  { name: 'metadata', label: 'Metadata (key=value)', kind: 'pairs' },
  { name: 'createdAfter', label: 'Submitted from', kind: 'time' },
  { name: 'createdBefore', label: 'Submitted before', kind: 'time' },
  { name: 'endedAfter', label: 'Ended from', kind: 'time' },
  { name: 'endedBefore', label: 'Ended before', kind: 'time' },
]

/** The filters that an address names, as the API takes them in a query. */
export interface Filters {
  readonly state?: readonly State[]
  readonly metadata?: readonly string[]
  readonly [name: string]: string | readonly string[] | undefined
}

/** Reads the filters of an address; unknown entries and unknown states are ignored. */
export function filtersOf(query: Readonly<Record<string, string>>): Filters {
  const wanted = linesOf(query['state'] ?? '')
  const state = STATES.filter((each) => wanted.includes(each))
  const given = FIELDS.flatMap(({ name, kind }) => {
    const lines = linesOf(query[name] ?? '').map((line) => line.trim())
    const [first] = lines
    return first === undefined || first === '' ? [] : [[name, kind === 'pairs' ? lines : first]]
  })
  const rest = Object.fromEntries(given) as Filters
  return state.length === 0 ? rest : { state, ...rest }
}

/** Writes the filters for people: `failed, agent reviewer`; times in the reader's zone or the named one. */
export function filterWords(filters: Filters, timeZone = ''): string {
  const { state, ...rest } = filters
  const words = Object.entries(rest).map(([name, value = '']) => {
    const field = FIELDS.find((each) => each.name === name)
    const label = field?.label.toLowerCase() ?? name
    if (typeof value === 'object') return `${label} ${value.join(', ')}`
    return `${label} ${field?.kind === 'time' ? instant(Date.parse(value), timeZone) : value}`
  })
  return [...(state === undefined ? [] : [state.join(' or ')]), ...words].join(', ')
}

/** Returns the body that cancels what the filters show; none if they show no unfinished task. */
export function cancelBodies(filters: Filters): readonly BulkCancelRequest[] {
  const { state, endedAfter, endedBefore, ...rest } = filters
  const states = UNFINISHED.filter((each) => state === undefined || state.includes(each))
  if (states.length === 0 || endedAfter !== undefined || endedBefore !== undefined) return []
  return [{ ...bodyOf(rest), state: states }]
}

/** Returns the bodies that replay what the filters show, one for each state; without a state, failed tasks. */
export function replayBodies(filters: Filters): readonly BulkPart[] {
  const { state = ['failed'], waitingKind, ...rest } = filters
  if (waitingKind !== undefined) return []
  return ENDED.filter((each) => state.includes(each)).map((each) => ({
    ...bodyOf(rest),
    state: each,
  }))
}

/** A body has the pairs of the metadata as an object. */
function bodyOf({ metadata, ...rest }: Filters): Record<string, unknown> {
  if (metadata === undefined) return rest
  const pairs = metadata.map((pair) => {
    const at = pair.indexOf('=')
    return [pair.slice(0, Math.max(at, 0)), pair.slice(at + 1)]
  })
  return { ...rest, metadata: Object.fromEntries(pairs) as Record<string, string> }
}

/** What stands before the count of a state that is only a bound; nothing before an exact count. */
export function boundOf(
  { exact, unsplit }: { readonly exact: boolean; readonly unsplit?: number },
  state: string,
): string {
  if (exact) return ''
  if (unsplit === undefined || state === 'running') return '≥ '
  // Some of the queued tasks may already run; all other counts are exact.
  return state === 'queued' ? '≤ ' : ''
}
