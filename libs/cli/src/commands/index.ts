import type { Command } from '../command.ts'
import { agents } from './agents.ts'
import { approve } from './approve.ts'
import { cancel } from './cancel.ts'
import { completion } from './local/completion.ts'
import { demo } from './local/demo.ts'
import { doctor } from './local/doctor.ts'
import { limits, queues, stats, usage } from './figures.ts'
import { fleet } from './fleet.ts'
import { goals } from './goals.ts'
import { keys } from './keys.ts'
import { audit, decisions, incidents } from './records.ts'
import { replay } from './replay.ts'
import { schedules } from './schedules.ts'
import { submit } from './submit.ts'
import { get, ls } from './tasks.ts'
import { up } from './local/up.ts'
import { watch } from './watch.ts'

/** Every command, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  up,
  submit,
  watch,
  get,
  ls,
  cancel,
  replay,
  agents,
  goals,
  schedules,
  approve,
  fleet,
  decisions,
  incidents,
  usage,
  stats,
  queues,
  limits,
  keys,
  audit,
  demo,
  doctor,
  completion,
]
