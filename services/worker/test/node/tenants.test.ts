import { CHANNELS } from '@agentfleet/protocol'
import { expect, test } from 'vitest'
import { countTenants } from '../../src/node/tenants.ts'

test.each(['acme', 'constructor', 'valueof', '0', 'a-b'])(
  'a node counts the runs of a tenant whose name is %s, and a load balancer can read the answer',
  (tenant) => {
    const runs = [
      { tenant, giver: 'lb-1@5' },
      { tenant, giver: 'constructor' },
      { tenant: 'other', giver: 'lb-1@5' },
    ]
    const answer = JSON.parse(JSON.stringify({ nodeId: 'n1', ...countTenants(runs) })) as unknown
    expect(CHANNELS.tenants.reply.schema.parse(answer)).toEqual({
      nodeId: 'n1',
      tenants: { [tenant]: 2, other: 1 },
      givers: { 'lb-1@5': { [tenant]: 1, other: 1 }, constructor: { [tenant]: 1 } },
    })
  },
)
