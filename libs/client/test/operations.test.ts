import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { load } from 'js-yaml'
import { createClient, type Client } from '../src/index.ts'

const DOCUMENT = new URL('../../../openapi.yaml', import.meta.url)

/** Operations for other readers than a client, and the stream, which `watch` and `follow` open. */
const ELSEWHERE = ['openStream', 'getDocument', 'getLiveness', 'getReadiness']

/** A call of each other operation. */
const CALLS: Readonly<Record<string, (client: Client) => Promise<unknown>>> = {
  submitTask: (client) => client.submit({ task: 'x' }),
  listTasks: (client) => client.list(),
  countTasks: (client) => client.count(),
  cancelTasks: (client) => client.cancelAll({}),
  submitBatch: (client) => client.submitBatch([]),
  replayTasks: (client) => client.replayAll(),
  replayTask: (client) => client.replay('a'),
  getTask: (client) => client.get('a'),
  cancelTask: (client) => client.cancel('a'),
  approveStep: (client) => client.approve('a', 1, { approved: true }),
  getTaskText: (client) => client.text('a'),
  getTaskEvents: (client) => client.events('a'),
  getTaskCall: (client) => client.call('a', 1),
  listAgents: (client) => client.agents(),
  getAgent: (client) => client.agent('a'),
  putAgent: (client) => client.putAgent('a', {}),
  deleteAgent: (client) => client.deleteAgent('a'),
  listAgentVersions: (client) => client.agentVersions('a'),
  listModels: (client) => client.models(),
  listTools: (client) => client.tools(),
  submitGoal: (client) => client.submitGoal({ goal: 'x' }),
  listGoals: (client) => client.goals(),
  getGoal: (client) => client.goal('a'),
  runGoal: (client) => client.runGoal('a'),
  listSchedules: (client) => client.schedules(),
  previewSchedule: (client) => client.previewSchedule({ cron: '@daily' }),
  runSchedule: (client) => client.runSchedule('a'),
  listScheduleTicks: (client) => client.scheduleTicks('a'),
  getSchedule: (client) => client.schedule('a'),
  putSchedule: (client) => client.putSchedule('a', { cron: '@daily', task: { task: 'x' } }),
  deleteSchedule: (client) => client.deleteSchedule('a'),
  getUsage: (client) => client.usage(),
  getStats: (client) => client.stats(),
  listQueues: (client) => client.queues(),
  getLimits: (client) => client.limits(),
  getFleet: (client) => client.fleet(),
  getNode: (client) => client.node('a'),
  drainNode: (client) => client.drainNode('a'),
  listDecisions: (client) => client.decisions(),
  getDecision: (client) => client.decision('a'),
  listIncidents: (client) => client.incidents(),
  getIncident: (client) => client.incident('a'),
  getMe: (client) => client.me(),
  createKey: (client) => client.createKey({ name: 'x', tenant: 'x', scopes: ['tasks:read'] }),
  listKeys: (client) => client.keys(),
  getKey: (client) => client.key('a'),
  revokeKey: (client) => client.revokeKey('a'),
  rotateKey: (client) => client.rotateKey('a'),
  createTicket: (client) => client.ticket(),
  listAudit: (client) => client.audit(),
}

test('the client has a method for each operation of openapi.yaml, which sends the request of this operation', async () => {
  const asked: string[] = []
  const server = createServer(({ method, url }, response) => {
    asked.push(`${method} ${url}`)
    response.end('{"events":[],"schedules":[]}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const client = createClient({ baseUrl: `http://127.0.0.1:${port}` })
  const { paths } = load(await readFile(DOCUMENT, 'utf8')) as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, { operationId?: string }>>>>
  }
  const wanted = new Map(
    Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { operationId }]) => [
        operationId,
        `${method.toUpperCase()} ${path.replace('{step}', '1').replaceAll(/\{\w+\}/g, 'a')}`,
      ]),
    ),
  )
  const ids = [...wanted.keys()].filter((id) => id !== undefined && !ELSEWHERE.includes(id))
  expect(new Set(Object.keys(CALLS))).toEqual(new Set(ids))
  for (const call of Object.values(CALLS)) await call(client)
  expect(asked).toEqual(Object.keys(CALLS).map((operation) => wanted.get(operation)))
  server.closeAllConnections()
  server.close()
})
