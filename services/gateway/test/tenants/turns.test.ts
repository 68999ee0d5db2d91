import { expect, test } from 'vitest'
import { createReadTurns, createTenantTurns } from '../../src/tenants/turns.ts'

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

test('the reads of tasks take turns: 16 of a tenant run at the same time, and 32 of all tenants (L7)', async () => {
  const turns = createReadTurns()
  const running = new Map<string, number>()
  const ends: (() => void)[] = []
  const read = (tenant: string) =>
    turns(tenant, async () => {
      running.set(tenant, (running.get(tenant) ?? 0) + 1)
      await new Promise<void>((resolve) => ends.push(resolve))
    })
  const crowds = ['a', 'b', 'c'].flatMap((tenant) =>
    Array.from({ length: 2_000 }, () => read(tenant)),
  )
  await new Promise((resolve) => setImmediate(resolve))
  expect(Object.fromEntries(running)).toEqual({ a: 16, b: 16 })
  for (let ended = 0; ended < crowds.length; ended += 1) {
    ends[ended]?.()
    await new Promise((resolve) => setImmediate(resolve))
    expect(ends.length).toBeLessThanOrEqual(ended + 33)
    // The third tenant gets a place as soon as the others have ended what they began.
    if (ended === 32) expect(running.get('c')).toBeGreaterThan(0)
  }
  await Promise.all(crowds)
})
