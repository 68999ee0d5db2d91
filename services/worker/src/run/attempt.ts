import {
  classifyFailure,
  echoProblem,
  echoWaitMs,
  given,
  isNodeFailure,
  NO_USAGE,
  retryAfterOf,
  type Failure,
  type Placed,
  type TaskError,
  type TaskInput,
  type TaskSpec,
} from '@agentfleet/domain'
import type { Logger, PointerAcks } from '@agentfleet/adapters'
import type { Outcome, ReportItem } from '@agentfleet/protocol'
import { runAgent } from './agent-loop.ts'
import { DEADLINE_GRACE_MS, isConfirmed, type AgentDeps, type Begun, type Ending } from './turn.ts'
import { boundedWait } from './echo.ts'
import { runGoal } from './goal.ts'
import type { Reporter } from '../node/reports.ts'
import { endRun } from '../node/run-end.ts'
import type { Over, Run, Runs } from '../node/runs.ts'

/**
 * One attempt from its dispatch to its end.
 *
 * Invariants: a fast start runs from the token of its dispatch, any other attempt begins through
 * the coordinator (L3); every report names the token that the run saw last and advances it (L3);
 * the pointer is acknowledged only after the outcomes `committed` (at the end), `finished` and
 * `not-due` (L4); a superseded or refused run reports nothing more.
 */

interface AttemptDeps extends Omit<AgentDeps, 'commit' | 'spawn'> {
  readonly acks: PointerAcks
  readonly log: Logger
  readonly runs: Runs
  readonly reporter: Reporter
  /** Asks a coordinator whether the run still owns its task. */
  doubt(run: Run): void
}

/** Characters; messages of failures are stored in the log of the task. */
const MESSAGE_MAX = 1_000

/** Returns a function that starts a run, which leaves the table when it has ended. */
export function createAttempts(deps: AttemptDeps): (run: Run) => void {
  const { log, runs } = deps
  const agentDeps: AgentDeps = {
    ...deps,
    spawn: (run, step, specs) => spawn(run, step, specs, deps),
    commit: async (run, call) => {
      const outcome = await report(run, (base) => ({ op: 'call', ...base, call }), deps)
      if (outcome.kind === 'rejected') await failWith(run, outcome.error, deps)
      else if (outcome.kind !== 'committed') endRun(run, outcome, deps)
      return run.over === undefined
    },
  }
  return (run) => {
    runAttempt(run, agentDeps, deps).catch((error: unknown) => {
      // A report cannot carry this error, so the pointer returns with its lease.
      log.error(
        { err: error, taskId: run.taskId },
        'An attempt failed with an unexpected error; its task returns to the queue when its lease expires',
      )
      run.failedHere = true
      runs.end(run, 'unconfirmed')
    })
  }
}

async function runAttempt(run: Run, agentDeps: AgentDeps, deps: AttemptDeps): Promise<void> {
  let from: Begun = { calls: [], approvals: [] }
  let { spec } = run
  if (run.fenced || spec === undefined) {
    const begun = await begin(run, deps)
    if (begun === undefined) return
    spec = begun.spec
    const { calls, approvals = [], children = [], inputs = [] } = begun
    from = { calls, approvals, children, inputs }
    spec = withInputs(spec, inputs)
  } else {
    deps.runs.enter(run, 'running')
  }
  const ending = await endingOf(run, spec, from, agentDeps)
  // The spec is no longer needed and may be large.
  run.spec = undefined
  if (run.over === undefined && ending.kind !== 'over') await conclude(run, ending, deps)
}

async function begin(
  run: Run,
  deps: AttemptDeps,
): Promise<Extract<Outcome, { kind: 'begun' }> | undefined> {
  const { reporter, runs } = deps
  runs.enter(run, 'beginning')
  const { taskId, claim, doubts } = run
  const outcome = await reporter.report(
    { op: 'begin', taskId, claim, reportId: reporter.nextId(), ...takePlaced(run) },
    run,
  )
  if (run.over !== undefined) return undefined
  if (outcome.kind !== 'begun') {
    endRun(run, outcome, deps)
    return undefined
  }
  if (outcome.seq < run.stopBefore) {
    runs.end(run, 'superseded')
    return undefined
  }
  run.token = outcome.seq
  run.attempt = outcome.attempt
  run.deadlineAtMs = outcome.deadlineAtMs
  runs.enter(run, 'running')
  settleDoubt(run, doubts, deps)
  return outcome
}

async function endingOf(run: Run, spec: TaskSpec, from: Begun, deps: AgentDeps): Promise<Ending> {
  const problem = echoProblem(spec.model)
  if (problem !== undefined) {
    const message = `the model ${spec.model} ${problem}`
    return { kind: 'failed', failure: { kind: 'given-up', code: 'provider-refused', message } }
  }
  const waitMs = echoWaitMs(spec.model)
  if (waitMs === undefined) {
    try {
      return spec.goal === undefined
        ? await runAgent(run, spec, from, deps)
        : await runGoal(run, spec, spec.goal, from, deps)
    } catch (error) {
      return { kind: 'failed', failure: { kind: 'defect', message: String(error) } }
    }
  }
  if (waitMs > 0) {
    const failure = await echoWait(run, spec, waitMs, deps)
    if (failure !== undefined) return { kind: 'failed', failure }
  }
  return { kind: 'completed', result: spec.task, usage: NO_USAGE }
}

async function echoWait(
  run: Run,
  { budget = {}, timeoutMs }: TaskSpec,
  waitMs: number,
  { clock }: AgentDeps,
): Promise<Failure | undefined> {
  const nowMs = clock.nowMs()
  const spentMs = nowMs - (run.deadlineAtMs - timeoutMs)
  const leftMs = run.deadlineAtMs + DEADLINE_GRACE_MS - nowMs
  const { forMs, failure } = boundedWait(waitMs, budget, spentMs, leftMs)
  await wait(run, forMs)
  return failure
}

/** Waits for this time, or until the run ends. */
function wait(run: Run, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    run.cancel = () => {
      clearTimeout(timer)
      resolve()
    }
  })
}

function conclude(
  run: Run,
  ending: Exclude<Ending, { kind: 'over' }>,
  deps: AttemptDeps,
): Promise<void> {
  if (ending.kind === 'completed') {
    const { result, usage, by, lastCall } = ending
    const whose = by === undefined ? {} : { by }
    const times = lastCall === undefined ? {} : { lastCall }
    return endWith(
      run,
      (base) => ({ op: 'complete', result, usage, ...base, ...whose, ...times }),
      'completed',
      deps,
    )
  }
  if (ending.kind === 'paused') {
    // The run releases its slot until its wait is over and then begins again with an event (L3).
    const { wait } = ending
    return endWith(run, (base) => ({ op: 'pause', ...base, wait }), 'paused', deps)
  }
  const { code, retryable } = classifyFailure(ending.failure)
  const error = { code, message: ending.failure.message.slice(0, MESSAGE_MAX) }
  run.failedHere = isNodeFailure(ending.failure)
  const rest = given({ retryAfterMs: retryAfterOf(ending.failure), result: ending.partial })
  return endWith(
    run,
    (base) => ({ op: 'fail', ...base, error, retryable, ...rest }),
    'failed',
    deps,
    // The report may be too large because of its partial result.
    error,
  )
}

/** Ends the run with a report; if the report is rejected, the run fails with `error` or with the reason. */
async function endWith(
  run: Run,
  build: (base: ReportBase) => ReportItem,
  stored: Over,
  deps: AttemptDeps,
  error?: TaskError,
): Promise<void> {
  const outcome = await report(run, build, deps)
  if (outcome.kind === 'rejected') await failWith(run, error ?? outcome.error, deps)
  else endRun(run, outcome, deps, stored)
}

/** Fails a run for a reason that every attempt would meet. */
async function failWith(run: Run, error: TaskError, deps: AttemptDeps): Promise<void> {
  const outcome = await report(
    run,
    (base) => ({ op: 'fail', ...base, error, retryable: false }),
    deps,
  )
  endRun(run, outcome, deps, 'failed')
}

/** Creates tasks for the run; undefined if the run is over. */
async function spawn(
  run: Run,
  step: number,
  specs: readonly TaskSpec[],
  deps: AttemptDeps,
): ReturnType<AgentDeps['spawn']> {
  const children = [...specs]
  const outcome = await report(run, (base) => ({ op: 'spawn', ...base, step, children }), deps)
  if (outcome.kind === 'committed') return { kind: 'made' }
  if (outcome.kind === 'rejected') return outcome
  endRun(run, outcome, deps)
  return undefined
}

/** Adds the results of the dependencies to the task's own context. */
function withInputs(spec: TaskSpec, inputs: readonly TaskInput[]): TaskSpec {
  const results = inputs.filter(({ from }) => from === 'dependency')
  if (results.length === 0) return spec
  const given = spec.context === undefined ? {} : { given: spec.context }
  return { ...spec, context: { ...given, dependencies: results.map((result) => ({ ...result })) } }
}

/** The fields of every report of a run. */
interface ReportBase {
  readonly taskId: string
  readonly claim: string
  readonly reportId: string
  readonly expect: number
  readonly attempt: number
  readonly placed?: Placed
}

/** Returns why the run was placed here, for its first report only. */
function takePlaced(run: Run): { readonly placed?: Placed } {
  const { placed } = run
  if (placed === undefined) return {}
  run.placed = undefined
  return { placed }
}

async function report(
  run: Run,
  build: (base: ReportBase) => ReportItem,
  deps: AttemptDeps,
): Promise<Outcome> {
  const { reporter, runs } = deps
  // After a doubt there is no side effect before the coordinator has confirmed the run.
  if (!(await isConfirmed(run))) return { kind: 'unavailable' }
  runs.enter(run, 'reporting')
  const { taskId, claim, token, attempt, doubts } = run
  const reportId = reporter.nextId()
  const base = { taskId, claim, reportId, expect: token, attempt, ...takePlaced(run) }
  const item = build(base)
  const outcome = await reporter.report(item, run)
  runs.enter(run, 'running')
  if (outcome.kind !== 'committed') return outcome
  run.token = outcome.seq
  if (item.op === 'call' || item.op === 'spawn') settleDoubt(run, doubts, deps)
  return outcome
}

/** Resolves the doubt about a run by a confirmation, or asks again if the doubt is newer than the question. */
function settleDoubt(run: Run, doubtsBefore: number, { doubt }: AttemptDeps): void {
  if (run.doubts === doubtsBefore) run.doubtful = false
  else doubt(run)
}
