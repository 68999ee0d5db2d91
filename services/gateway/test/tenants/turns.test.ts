import { expect, test } from 'vitest'
import { createTenantTurns } from '../../src/tenants/turns.ts'

test('two large operations of a tenant run at the same time, and those of another tenant do not wait for them (L7)', async () => {
  const turns = createTenantTurns()
  const ends: (() => void)[] = []
  const endless = () => new Promise<void>((resolve) => ends.push(resolve))
  const crowd = Array.from({ length: 50 }, () => turns('crowd', endless))
  expect(await turns('quiet', () => Promise.resolve('done'))).toBe('done')
  expect(ends).toHaveLength(2)
  for (let ended = 0; ended < crowd.length; ended += 1) {
    ends[ended]?.()
    await crowd[ended]
    expect(ends.length).toBeLessThanOrEqual(ended + 3)
  }
})

test('a tenant has at most 1,000 large operations that wait for their turn; a further one is refused, and works later (L7)', async () => {
  const turns = createTenantTurns()
  let end = () => {}
  const ended = new Promise<void>((resolve) => (end = resolve))
  const crowd = Array.from({ length: 1_002 }, () => turns('crowd', () => ended))
  await expect(turns('crowd', () => ended)).rejects.toMatchObject({
    code: 'too-many-requests-open',
  })
  expect(await turns('quiet', () => Promise.resolve('done'))).toBe('done')
  end()
  await Promise.all(crowd)
  expect(await turns('crowd', () => Promise.resolve('again'))).toBe('again')
})

test('an operation that fails gives its place to the next one', async () => {
  const turns = createTenantTurns(1)
  const failed = turns('crowd', () => Promise.reject(new Error('no answer')))
  const next = turns('crowd', () => Promise.resolve('done'))
  await expect(failed).rejects.toThrow('no answer')
  expect(await next).toBe('done')
})
