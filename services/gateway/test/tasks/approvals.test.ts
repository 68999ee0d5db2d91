import { foldHistory, type TaskRecord } from '@agentfleet/domain'
import { ServiceError } from '@agentfleet/protocol'
import type { FastifyRequest } from 'fastify'
import { expect, test } from 'vitest'
import { refusalOf } from '../../src/http/errors.ts'
import { approvalRoutes } from '../../src/tasks/approval-routes.ts'

const ID = '01890a5d-ac96-774b-bcce-b302099a8057'
/** A coordinator that has stored a decision. */
const bus = { ask: () => Promise.resolve({ kind: 'reply', body: { kind: 'resumed' } } as never) }

/** A request with the decision of this key. */
function requestOf(keyId: string) {
  const params = { id: ID, step: 0 }
  return { params, body: { approved: true }, tenant: 'acme', principal: { keyId } }
}

function decide(request: object, load: () => Promise<TaskRecord | undefined>) {
  return approvalRoutes({ bus, reader: { load } }).approveStep(request as FastifyRequest)
}

test('an approval that is stored, but cannot be read back, is not answered with "Nothing was changed"', async () => {
  const load = () => Promise.reject(new ServiceError('bus-unavailable', 'the bus is away'))
  const refusal = await decide(requestOf('k1'), load).then(
    () => undefined,
    (error: Error) => refusalOf(error),
  )
  expect(refusal?.code).toBe('outcome-unknown')
  expect(refusal?.message).not.toContain('Nothing was changed')
  expect(refusal?.message).toMatch(/Send the request again .*; repeating it is safe\./)
})

test('an approval that another key has stored before is marked as no change of this request', async () => {
  const spec = { task: 'x', agent: 'a', model: 'm', cpu: 'low', memory: 'low' } as const
  const submitted = {
    type: 'submitted',
    atMs: 1,
    tenant: 'acme',
    specHash: 'h',
    spec: { ...spec, priority: 'high', timeoutMs: 5_000, maxAttempts: 3 },
  } as const
  const record = foldHistory(ID, [{ event: submitted, seq: 1 }])!
  const approvals = [{ step: 0, approved: true, by: 'k1', atMs: 2 }]
  const load = () => Promise.resolve({ ...record, approvals })
  for (const [key, unchanged] of [
    ['k1', false],
    ['k2', true],
  ] as const) {
    const request = requestOf(key)
    await decide(request, load)
    expect(request).toMatchObject({ unchanged })
  }
})
