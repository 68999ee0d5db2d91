import type { TaskSpec } from '@agentfleet/domain'
import { CHANNELS, keyedTaskId } from '@agentfleet/protocol'
import type { Fleet, Gateway } from './fleet.ts'
import { processOf } from './memory/server.ts'
import type { Plan, PlannedTask } from './plan.ts'
import { APPROVE_TASK } from './stand-ins/provider.ts'
import { oneOf, type Chance } from './time/random.ts'
import type { VirtualTime } from './time/virtual-time.ts'

/** The owner of the tasks: sends each until it is accepted, and remembers the answers. */
export interface Client {
  /** Ids of the tasks that a gateway has accepted, by their keys. */
  readonly accepted: ReadonlyMap<string, string>
  /** Tasks whose cancellation was confirmed. */
  readonly cancelled: ReadonlySet<string>
  /** True when every task is accepted and every planned request was answered. */
  done(): boolean
}

/** The client abandons a gateway that does not answer within this, milliseconds. */
const ANSWER_WITHIN_MS = 6_000
/** A coordinator answers a gateway within this, milliseconds. */
const ASK_WITHIN_MS = 5_000
const AGAIN_AFTER_MS = 400
/** The step of a run whose first answer asks for the guarded tool. */
const GUARDED_STEP = 1
/** Answers after which the same request is sent again. */
const STILL_OPEN: ReadonlySet<string> = new Set(['unavailable', 'not-waiting', 'not-found'])

/** Starts a client that follows its plan. */
export function startClient(plan: Plan, fleet: Fleet, time: VirtualTime, chance: Chance): Client {
  const accepted = new Map<string, string>()
  const cancelled = new Set<string>()
  let open = 0
  const process = processOf('client', chance)

  /** Asks some gateway until one has answered. */
  const ask = <T>(
    atMs: number,
    call: (gateway: Gateway) => Promise<T | undefined>,
    answered: (answer: T) => void,
  ): void => {
    open += 1
    let over = false
    const attempt = (): void => {
      const gateways = fleet.gateways()
      let settled = false
      const settle = (answer: T | undefined): void => {
        if (settled || over) return
        settled = true
        if (answer === undefined) {
          time.at(time.nowMs() + AGAIN_AFTER_MS, process, attempt)
          return
        }
        over = true
        open -= 1
        answered(answer)
      }
      if (gateways.length === 0) return settle(undefined)
      const gateway = oneOf(chance, gateways)
      time.at(time.nowMs() + chance(), gateway.process, () => {
        const told = (answer: T | undefined): void => {
          if (!gateway.process.alive) return
          time.at(time.nowMs() + chance(), process, () => settle(answer))
        }
        call(gateway).then(told, () => told(undefined))
      })
      const givenUpAtMs = time.nowMs() + ANSWER_WITHIN_MS
      const look = (): void => {
        if (settled) return
        // A connection to a dead process is closed; one to a frozen process is silent.
        if (!gateway.process.alive || time.nowMs() >= givenUpAtMs) return settle(undefined)
        time.at(time.nowMs() + AGAIN_AFTER_MS, process, look)
      }
      look()
    }
    time.at(atMs, process, attempt)
  }

  const submit = (task: PlannedTask, atMs: number): void => {
    const taskId = keyedTaskId(task.tenant, task.key)
    const spec: TaskSpec =
      task.dependsOn.length === 0
        ? task.spec
        : {
            ...task.spec,
            dependsOn: task.dependsOn.map((index) =>
              keyedTaskId(task.tenant, plan.tasks[index]?.key ?? ''),
            ),
          }
    ask(
      atMs,
      async ({ submitter }) => {
        const outcome = await submitter.submit({ taskId, tenant: task.tenant, spec, keyed: true })
        return outcome.kind === 'refused' ? undefined : outcome.record.taskId
      },
      (id) => {
        const first = !accepted.has(task.key)
        accepted.set(task.key, id)
        if (first && task.againAtMs !== undefined) submit(task, task.againAtMs)
      },
    )
  }

  const cancel = (task: PlannedTask, atMs: number): void => {
    const taskId = keyedTaskId(task.tenant, task.key)
    ask(
      atMs,
      async ({ bus }) => {
        const request = { taskId, tenant: task.tenant, reason: 'not wanted any more' }
        const answer = await bus.ask(CHANNELS.cancel, request, ASK_WITHIN_MS)
        if (answer.kind !== 'reply') return undefined
        const { kind } = answer.body
        return kind === 'unavailable' ? undefined : kind
      },
      (kind) => {
        if (kind === 'cancelled') cancelled.add(taskId)
      },
    )
  }

  /** Sends its answer on the guarded call until it is received, or no run asks any more. */
  const decide = (task: PlannedTask, atMs: number): void => {
    const taskId = keyedTaskId(task.tenant, task.key)
    ask(
      atMs,
      async ({ bus }) => {
        const approval = { step: GUARDED_STEP, approved: task.approved, by: 'owner' }
        const request = { taskId, tenant: task.tenant, approval }
        const answer = await bus.ask(CHANNELS.approve, request, ASK_WITHIN_MS)
        if (answer.kind !== 'reply') return undefined
        const { kind } = answer.body
        return STILL_OPEN.has(kind) ? undefined : kind
      },
      () => undefined,
    )
  }

  for (const task of plan.tasks) {
    if (task.spec.task === APPROVE_TASK) decide(task, task.atMs + 200)
    submit(task, task.atMs)
    if (task.cancelAtMs !== undefined) cancel(task, task.cancelAtMs)
  }
  return { accepted, cancelled, done: () => open === 0 }
}
