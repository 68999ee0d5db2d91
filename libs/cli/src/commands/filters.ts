import type { TaskFilters } from '@agentfleet/client'
import { LEVELS, TASK_KINDS, TASK_STATES } from '@agentfleet/domain'
import type { Input, Option, Options } from '../command.ts'
import { choiceOf, given, pairsOf, textOf, textsOf, timeOf } from '../parse/values.ts'

/** The states of tasks that have not ended. */
export const OPEN_STATES = ['waiting', 'queued', 'running', 'retrying'] as const
/** The states of tasks that have ended. */
export const ENDINGS = ['completed', 'failed', 'cancelled'] as const
const WAITING_KINDS = ['dependencies', 'time', 'approval', 'children'] as const

const text = (value: string, help: string, short?: string): Option => ({
  type: 'string',
  value,
  help,
  ...(short === undefined ? {} : { short }),
})

/** Options that choose tasks by anything but their state. */
export const FILTER_OPTIONS = {
  agent: text('NAME', 'of this agent', 'a'),
  model: text('NAME', 'with this model', 'm'),
  priority: { ...text('LEVEL', 'with this priority', 'p'), choices: LEVELS },
  node: text('NODE', 'whose last attempt was on this node'),
  error: text('CODE', 'whose last error has this code', 'e'),
  kind: { ...text('KIND', 'of this kind'), choices: TASK_KINDS },
  parent: text('TASK_ID', 'made by this task'),
  'replay-of': text('TASK_ID', 'replays of this task'),
  metadata: { ...text('NAME=VALUE', 'with this label'), multiple: true },
  search: text('TEXT', 'whose id begins with this text, or whose text has these words', 'q'),
  since: text('TIME', 'submitted at or after this time'),
  until: text('TIME', 'submitted before this time'),
} satisfies Options

/** The option that chooses tasks by what they wait for: only an unfinished task waits. */
export const WAITING_OPTIONS: Options = {
  waiting: { ...text('KIND', 'that waits for this'), choices: WAITING_KINDS },
}

/** Options that choose tasks by the time of their end. */
export const ENDED_OPTIONS: Options = {
  'ended-since': text('TIME', 'that ended at or after this time'),
  'ended-until': text('TIME', 'that ended before this time'),
}

/** The note that explains times, for commands with these options. */
export const TIME_NOTE =
  'A TIME is a day (UTC), a time (RFC 3339), today, yesterday, or an age such as 2h.'

/** The option that chooses tasks by state. */
export const STATE_OPTION: Option = {
  ...text('STATE', 'in this state', 's'),
  choices: TASK_STATES,
  multiple: true,
}

/** The filters of these options, without the state. */
export function filtersOf(input: Input, nowMs: number) {
  return given({
    agent: textOf(input, 'agent'),
    model: textOf(input, 'model'),
    priority: choiceOf(input, 'priority', LEVELS),
    node: textOf(input, 'node'),
    errorCode: textOf(input, 'error'),
    kind: choiceOf(input, 'kind', TASK_KINDS),
    parentId: textOf(input, 'parent'),
    replayOf: textOf(input, 'replay-of'),
    waitingKind: choiceOf(input, 'waiting', WAITING_KINDS),
    metadata: pairsOf(input, 'metadata'),
    q: textOf(input, 'search'),
    createdAfter: timeOf(input, 'since', nowMs),
    createdBefore: timeOf(input, 'until', nowMs),
    endedAfter: timeOf(input, 'ended-since', nowMs),
    endedBefore: timeOf(input, 'ended-until', nowMs),
  })
}

/** Every filter of these options. */
export function taskFiltersOf(input: Input, nowMs: number): TaskFilters {
  return { ...filtersOf(input, nowMs), ...statesOf(input, TASK_STATES) }
}

/** The chosen states among these; none if the option is absent. */
export function statesOf<T extends string>(
  input: Input,
  among: readonly T[],
): { readonly state?: T[] } {
  const chosen = textsOf(input, 'state')
  const state = among.filter((one) => chosen.includes(one))
  return chosen.length === 0 ? {} : { state }
}
