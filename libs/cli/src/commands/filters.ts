import type { TaskFilters } from '@agentfleet/client'
import { LEVELS, TASK_KINDS, TASK_STATES, given } from '@agentfleet/domain'
import { takes, type Input, type Option, type Options } from '../command.ts'
import { time } from '../render/formats.ts'
import { choiceOf, pairsOf, textOf, textsOf, timeOf } from '../parse/values.ts'

/** The states of tasks that have not ended. */
export const OPEN_STATES = ['waiting', 'queued', 'running', 'retrying'] as const
/** The states of tasks that have ended. */
export const ENDINGS = ['completed', 'failed', 'cancelled'] as const
const WAITING_KINDS = ['dependencies', 'time', 'approval', 'children'] as const

/** Options that choose tasks by anything but their state. */
export const FILTER_OPTIONS = {
  agent: takes('NAME', 'choose tasks of the agent NAME', { short: 'a' }),
  model: takes('NAME', 'choose tasks with the model NAME', { short: 'm' }),
  priority: takes('LEVEL', 'choose tasks with the priority LEVEL', { short: 'p', choices: LEVELS }),
  node: takes('NODE', 'choose tasks whose last attempt was on the node NODE'),
  error: takes('CODE', 'choose tasks whose last error has the code CODE', { short: 'e' }),
  kind: takes('KIND', 'choose tasks of the kind KIND', { choices: TASK_KINDS }),
  parent: takes('TASK_ID', 'choose tasks that the task TASK_ID has started'),
  'replay-of': takes('TASK_ID', 'choose replays of the task TASK_ID'),
  metadata: takes('NAME=VALUE', 'choose tasks with the metadata NAME=VALUE', { multiple: true }),
  search: takes(
    'TEXT',
    'choose tasks whose id begins with TEXT, or whose text has the words of TEXT',
    { short: 'q' },
  ),
  since: takes('TIME', 'choose tasks submitted at or after TIME'),
  until: takes('TIME', 'choose tasks submitted before TIME'),
} satisfies Options

/** The option that chooses tasks by what they wait for: only an unfinished task waits. */
export const WAITING_OPTIONS: Options = {
  waiting: takes('KIND', 'choose tasks that wait for something of the kind KIND', {
    choices: WAITING_KINDS,
  }),
}

/** Options that choose tasks by the time of their end. */
export const ENDED_OPTIONS: Options = {
  'ended-since': takes('TIME', 'choose tasks that ended at or after TIME'),
  'ended-until': takes('TIME', 'choose tasks that ended before TIME'),
}

/** What a person reads if a change of many tasks found none. */
export const NO_MATCH =
  'No task matches the filters. "agentfleet ls --count agent" and "agentfleet ls --count state" show which tasks exist.'

/** The note that explains times, for commands with these options. */
export const TIME_NOTE =
  'A TIME is a day (UTC), a time (RFC 3339), today, yesterday, or an age such as 2h.'

/** The note that explains days, for commands with these options. */
export const DAY_NOTE =
  'A DAY is a day (UTC) such as 2026-01-31, today, yesterday, or an age such as 7d.'

/** The option that chooses tasks by state. */
export const STATE_OPTION: Option = takes('STATE', 'choose tasks in the state STATE', {
  short: 's',
  choices: TASK_STATES,
  multiple: true,
})

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

/** From when to when tasks were submitted, for a note about many tasks: `yesterday` is a day in UTC, not of the user. */
export function periodText({ createdAfter, createdBefore }: Partial<TaskFilters>): string {
  const parts = [
    createdAfter === undefined ? [] : `from ${timeText(createdAfter)}`,
    createdBefore === undefined ? [] : `before ${timeText(createdBefore)}`,
  ].flat()
  return parts.length === 0 ? '' : `, submitted ${parts.join(' and ')}`
}

function timeText(text: string): string {
  return text.includes('T') ? time(text) : `${text} 00:00:00 UTC`
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
