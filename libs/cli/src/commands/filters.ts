import type { ListQuery } from '@agentfleet/client'
import type { Input, Options } from '../command.ts'
import { choiceOf, given } from '../parse/values.ts'

const STATES = [
  'waiting',
  'queued',
  'running',
  'retrying',
  'completed',
  'failed',
  'cancelled',
] as const

/** Options that choose tasks. */
export const FILTER_OPTIONS: Options = {
  state: { type: 'string', short: 's', value: 'STATE', choices: STATES, help: 'in this state' },
}

/** The filters of these options. */
export function filtersOf(input: Input, _nowMs: number): Pick<ListQuery, 'state'> {
  return given({ state: choiceOf(input, 'state', STATES) })
}
