import { foldHistory, type TaskRecord } from '@agentfleet/domain'
import { PLAIN_SPEC } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { createIssuer } from '../../src/repair/issue.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }
const recordOf = (tenant: string, taskId: string): TaskRecord => {
  const event = { type: 'submitted', atMs: 0, tenant, spec: PLAIN_SPEC, specHash: 'h' } as const
  return foldHistory(taskId, [{ event, seq: 1 }])!
}

test('the pointer of a task of a quiet tenant is not issued twice for the same state, no matter how many pointers of a busy tenant are issued in between (L7)', async () => {
  const asked: string[] = []
  const issueSurely = ({ taskId }: { readonly taskId: string }) => {
    asked.push(taskId)
    return Promise.resolve('issued' as const)
  }
  const issuer = createIssuer({ tasks: { get: () => undefined }, pointers: { issueSurely }, log })
  const quiet = recordOf('quiet', 'quiet-task')
  expect(await issuer.surely(quiet)).toBe(true)
  for (let at = 0; at < 20_000; at += 1) await issuer.once(recordOf('busy', `busy-${at}`))
  expect(await issuer.surely(quiet)).toBe(false)
  expect(asked.filter((taskId) => taskId === 'quiet-task')).toHaveLength(1)
})
