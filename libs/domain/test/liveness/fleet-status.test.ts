import { expect, test } from 'vitest'
import { fleetStatus, heldTenants } from '../../src/index.ts'

const node = { state: 'alive', draining: false, slots: 10, active: 4 }
const frozen = { ...node, state: 'suspect' }

test('the status of a fleet says whether work flows, how many nodes take tasks, and how many nodes are not alive', () => {
  const shown = (nodes: readonly (typeof node & { passing?: boolean })[], running = 4) => {
    const { status, explanation } = fleetStatus({ nodes, queued: 0, running }, 500)
    return `${status}: ${explanation}`
  }
  expect([
    shown([node, node]),
    shown([node], 0),
    shown([node, frozen]),
    shown([node, frozen, frozen], 0),
    shown([node, { ...node, draining: true }]),
    shown([{ ...node, active: 9 }]),
    shown([frozen]),
    shown([{ ...node, passing: false }]),
  ]).toEqual([
    'ok: Work flows: 2 of 2 nodes take tasks; 12 slots are free.',
    'ok: The fleet is ready and has no work: 1 of 1 nodes take tasks; 6 slots are free.',
    'degraded: Work flows, but 1 node is not alive: 1 of 2 nodes take tasks; 6 slots are free.',
    'degraded: The fleet is ready and has no work, but 2 nodes are not alive: 1 of 3 nodes take tasks; 6 slots are free.',
    'ok: Work flows: 1 of 2 nodes take tasks; 6 slots are free.',
    'ok: Work flows: 1 of 1 nodes take tasks; 1 slot is free.',
    'no-available-nodes: No node can take tasks now. Tasks that wait for a node: 0.',
    'no-available-nodes: No node can take tasks now. Living nodes that Consul does not list as healthy: 1. Tasks that wait for a node: 0.',
  ])
})

test('the status of a fleet says which tenants wait for their own limits, how many tasks wait, and what to do', () => {
  const held = (tenant: string, waiting: number, concurrency: number) => ({
    tenant,
    waiting,
    concurrency,
  })
  const shown = (nodes: readonly (typeof node)[], ...tenants: ReturnType<typeof held>[]) => {
    const { status, explanation } = fleetStatus({ nodes, queued: 40, running: 2 }, 500, tenants)
    return `${status}: ${explanation}`
  }
  const todo =
    'They start when running tasks of the tenant end; an operator can raise concurrency in TENANT_LIMITS.'
  expect([
    shown([node], held('acme', 40, 2)),
    shown([node, frozen], held('acme', 1, 1)),
    shown([node], held('a', 9, 1), held('b', 8, 1), held('c', 7, 1), held('d', 6, 1)),
  ]).toEqual([
    `ok: Work flows, but tasks wait for the limit of their tenant: 1 of 1 nodes take tasks; 6 slots are free. 40 tasks of the tenant acme wait for its limit of 2 running tasks. ${todo}`,
    `degraded: Work flows, but 1 node is not alive, and tasks wait for the limit of their tenant: 1 of 2 nodes take tasks; 6 slots are free. 1 task of the tenant acme waits for its limit of 1 running task. ${todo}`,
    `ok: Work flows, but tasks wait for the limit of their tenant: 1 of 1 nodes take tasks; 6 slots are free. 9 tasks of the tenant a wait for its limit of 1 running task. 8 tasks of the tenant b wait for its limit of 1 running task. 7 tasks of the tenant c wait for its limit of 1 running task. Tenants that also wait for their limits: 1. ${todo}`,
  ])
})

test('a tenant waits for its limit only if all its queues together have reached it and further tasks wait', () => {
  const queue = (tenant: string, waiting: number, inFlight: number) => ({
    tenant,
    waiting,
    inFlight,
  })
  const limits = new Map([
    ['acme', { weight: 1, concurrency: 2 }],
    ['small', { weight: 1, concurrency: 1 }],
  ])
  const found = (...queues: ReturnType<typeof queue>[]) =>
    heldTenants(queues, limits).map(({ tenant, waiting }) => `${tenant} ${waiting}`)
  expect(found(queue('acme', 3, 1), queue('acme', 4, 1))).toEqual(['acme 7'])
  expect(found(queue('acme', 3, 1))).toEqual([])
  expect(found(queue('acme', 0, 2))).toEqual([])
  expect(found(queue('free', 9, 9))).toEqual([])
  expect(found(queue('small', 1, 1), queue('acme', 5, 2))).toEqual(['acme 5', 'small 1'])
})
