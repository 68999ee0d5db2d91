import { createClient, type Client } from '@agentfleet/client'
import type { TaskView } from '@agentfleet/protocol'
import { eventually, openStoredTasks, type StoredTasks, playScript } from '@agentfleet/testkit'
import { expect, inject } from 'vitest'
import type { SharedFleet } from './shared-fleet.ts'

/** One tenant of the shared fleet, for one file of end-to-end tests. */
export interface Tenant extends StoredTasks {
  readonly name: string
  readonly fleet: SharedFleet
  readonly client: Client
  /** A request as this tenant; a body is sent as JSON. */
  call(path: string, method?: string, body?: unknown): Promise<Answer>
  /** Gives the simulator a script under a name of this tenant and returns the model that plays it. */
  script(name: string, turns: readonly object[]): Promise<string>
  /** Resolves with the task once it has ended. */
  ended(taskId: string): Promise<TaskView>
  /** How often the simulator received each LLM call of a task. */
  callsOf(taskId: string): Promise<readonly SimulatedCall[]>
}

/** The simulator's counts of one LLM call. */
interface SimulatedCall {
  readonly started: number
  readonly aborted: number
}

/** The answer to a request; the body is undefined if there is none. */
export interface Answer {
  readonly status: number
  readonly body: unknown
}

/** Every condition of these files is met within this, on a busy machine, milliseconds. */
export const SOON_MS = 30_000

/** The shared fleet; the first call in a run of the tests starts it. */
export async function sharedFleet(): Promise<SharedFleet> {
  const answer = await fetch(inject('sharedFleetUrl'))
  const body = await answer.text()
  if (!answer.ok) throw new Error(`the shared fleet did not start: ${body}`)
  return JSON.parse(body) as SharedFleet
}

/** Joins the shared fleet as this tenant, which the fleet must know. */
export async function joinSharedFleet(name: string): Promise<Tenant> {
  const fleet = await sharedFleet()
  const apiKey = fleet.keys[name]
  if (apiKey === undefined) throw new Error(`the shared fleet has no tenant ${name}`)
  const client = createClient({ baseUrl: fleet.url, apiKey })
  return {
    ...(await openStoredTasks(fleet)),
    name,
    fleet,
    client,
    async call(path, method = 'GET', body) {
      const headers = {
        authorization: `Bearer ${apiKey}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      }
      const sent = body === undefined ? {} : { body: JSON.stringify(body) }
      const response = await fetch(`${fleet.url}${path}`, { method, headers, ...sent })
      const text = await response.text()
      return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
    },
    script: (script, turns) => playScript(fleet.simulator, `${name}-${script}`, turns),
    ended: (taskId) =>
      eventually(async () => {
        const view = await client.get(taskId)
        expect(view.state, JSON.stringify(view)).toMatch(/completed|failed|cancelled/)
        return view
      }, SOON_MS),
    async callsOf(taskId) {
      const answer = await fetch(`${fleet.simulator}/sim/calls?task=${taskId}`)
      return ((await answer.json()) as { calls: SimulatedCall[] }).calls
    },
  }
}
