import { ClientError } from '@agentfleet/client'
import { oneLine } from './render/text.ts'

/** Returns the answer if it has an id; throws if not, because a wait for a task without an id would never end. */
export function named<T extends { readonly id: string }>(answer: T): T {
  if (typeof (answer as Partial<T> | undefined)?.id === 'string') return answer
  throw new TypeError('the answer has no id')
}

/**
 * Refuses a name that does not exist: the gateway accepts its deletion, but its user has mistyped it. A key that
 * may delete a thing may not be allowed to read it.
 */
export async function mustExist(read: () => Promise<unknown>): Promise<void> {
  try {
    await read()
  } catch (error) {
    if (!(error instanceof ClientError) || error.status !== 403) throw error
  }
}

/** The exit codes of every command; `agentfleet --help` lists them. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  refused: 4,
  notFound: 5,
  taskFailed: 6,
  checkFailed: 7,
  interrupted: 130,
} as const

/** One of the exit codes. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** The meaning of each exit code, for the help. */
export const EXIT_MEANINGS: readonly (readonly [ExitCode, string])[] = [
  [EXIT.done, 'the command succeeded'],
  [EXIT.failed, 'the gateway refused the request, or the command failed'],
  [EXIT.usage, 'the command line is wrong'],
  [EXIT.unreachable, 'no gateway answers'],
  [EXIT.refused, 'the key is missing or wrong, or it may not do this'],
  [EXIT.notFound, 'the task, agent, schedule, decision, incident or key does not exist'],
  [EXIT.taskFailed, 'a task or goal that the command waited for has failed or was cancelled'],
  [EXIT.checkFailed, 'doctor found a problem, or demo found that a guarantee did not hold'],
  [EXIT.interrupted, 'you stopped the command'],
]

/** A wrong command line: its message says what is wrong, then what to do. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** A command line without an argument that the command needs; its reader also gets the usage of the command. */
export class MissingArgument extends UsageError {}

/** A failure that its message explains completely. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly exitCode: ExitCode
  constructor(message: string, exitCode: ExitCode = EXIT.failed) {
    super(message)
    this.exitCode = exitCode
  }
}

/** The exit code of a refused or lost request. */
export function exitCodeOf({ status, problem }: Pick<ClientError, 'status' | 'problem'>): ExitCode {
  if (status === 0 || isForeign(problem)) return EXIT.unreachable
  if (status === 401 || status === 403) return EXIT.refused
  // A path that the gateway does not have says nothing about a task.
  return status === 404 && problem.code !== 'path-not-found' ? EXIT.notFound : EXIT.failed
}

/** Whether the answer did not come from a gateway. */
function isForeign({ code }: ClientError['problem']): boolean {
  return code === 'unknown'
}

/** The command that shows what exists, by the code of a refusal. */
const LISTS: Readonly<Record<string, string>> = {
  'task-not-found': 'ls" lists your tasks',
  'unknown-dependency': 'ls" lists your tasks',
  'call-not-found': 'get --events TASK_ID" lists the finished calls of a task with their steps',
  'agent-not-found': 'agents" lists the agents',
  'unknown-agent': 'agents" lists the agents',
  'unknown-tool': 'agents tools" lists the tools',
  'unknown-model': 'agents models" lists the models',
  'schedule-not-found': 'schedules" lists your schedules',
  'node-not-found': 'fleet" lists the nodes',
  'decision-not-found': 'decisions" lists the decisions',
  'incident-not-found': 'incidents" lists the incidents',
  'key-not-found': 'keys" lists the keys',
}

/** A proxy in front of a gateway answers so while the gateway restarts. */
const PROXY_STATUSES: ReadonlySet<number> = new Set([502, 503, 504])

const IF_VERSION = 'then repeat the command with --if-version and the version that you have read'

/** The same for a command with its own list, by its name: a goal is a task to the gateway. */
const OWN_LISTS: Readonly<Record<string, string>> = {
  'goals task-not-found': 'goals" lists your goals',
  'approve task-not-found': 'approve" lists the calls that wait for approval',
  'agents version-mismatch': `agents get NAME" shows the definition; ${IF_VERSION}`,
  'schedules version-mismatch': `schedules get NAME" shows the schedule; ${IF_VERSION}`,
}

/** What a person reads about a refused or lost request: what is wrong, then what to do. */
export function explain(
  { status, problem, retryAfterS }: Pick<ClientError, 'status' | 'problem' | 'retryAfterS'>,
  url: string,
  command = '',
): string {
  if (status === 0) {
    return `No gateway answers at ${url}. Start a fleet with "npm start", or set AGENTFLEET_URL or --url to the address of a running gateway. (${problem.detail})`
  }
  if (problem.code === 'path-not-found' || problem.code === 'method-not-allowed') {
    return `The gateway at ${url} does not know this request: ${problem.detail}\nSet AGENTFLEET_URL or --url to the address of the gateway without a path; "agentfleet doctor" compares the releases.`
  }
  if (isForeign(problem)) {
    const said = oneLine(`${problem.title}: ${problem.detail}`)
    if (PROXY_STATUSES.has(status)) {
      const when = retryAfterS === undefined ? 'later' : `in ${retryAfterS} s`
      return `The gateway behind ${url} is away: another server answers in its place. Try again ${when}; if this stays so, set AGENTFLEET_URL or --url to the address of a gateway. (${said})`
    }
    return `The server at ${url} does not answer as a gateway. Set AGENTFLEET_URL or --url to the address of a gateway. (${said})`
  }
  const { errors = [], detail: said } = problem
  // The detail of a single wrong field says the same.
  const isSaid = errors.length === 1 && said.includes(errors[0]?.detail ?? said)
  const fields = isSaid ? [] : errors.map(({ pointer, detail }) => `\n  ${pointer}: ${detail}`)
  const lines = `${problem.title}: ${problem.detail}${fields.join('')}`
  const list = OWN_LISTS[`${command} ${problem.code}`] ?? LISTS[problem.code]
  if (list !== undefined) return `${lines}\n"agentfleet ${list}.`
  if (status === 403) return `${lines}\n"agentfleet keys me" shows what your key may do.`
  if (status === 401) return `${lines}\nSet AGENTFLEET_KEY or --key to a key of this fleet.`
  if (retryAfterS !== undefined) return `${lines}\nTry again in ${retryAfterS} s.`
  return lines
}
