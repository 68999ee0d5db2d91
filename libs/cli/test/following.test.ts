import type { FollowFrame } from '@agentfleet/client'
import { expect, test } from 'vitest'
import { showGrowing, type Growing } from '../src/following.ts'
import { table } from '../src/render/table.ts'
import { uncoloured } from '../src/render/paint.ts'
import { contextWith } from './context.ts'

interface Fact {
  readonly id: string
  readonly service: string
}

const CONNECTED: FollowFrame = { type: 'subscribed', fleet: ['decisions'] }
const known: Fact = { id: 'd1', service: 'recovery' }
const missed: Fact = { id: 'd2', service: 'recovery' }
const live: Fact = { id: 'd3', service: 'autoscaler-with-a-long-name' }
const other: Fact = { id: 'd4', service: 'other' }

/** Follows a list that first has one fact; the second connection finds another one. */
async function follow(columns: number | undefined, first = [known]): Promise<string> {
  let printed = ''
  const reads = [first, first, [missed, known]]
  const facts = [live, live, other]
  const context = contextWith({ watch: true, print: (line) => void (printed += `${line}\n`) })
  context.client.follow = async function* () {
    yield CONNECTED
    for (const _fact of facts) yield { type: 'decision', decision: {} } as FollowFrame
    yield CONNECTED
  }
  const list: Growing<Fact> = {
    topic: 'decisions',
    read: async () => reads.shift() ?? [],
    recordsIn: (frame) => (frame.type === 'decision' ? facts.splice(0, 1) : []),
    matches: ({ service }) => service !== 'other',
    version: ({ service }) => service,
    table: (all) =>
      table(
        [{ name: 'ID' }, { name: 'SERVICE' }, { name: 'REASON' }],
        all.map(({ id, service }) => [id, service, 'because']),
        { paint: uncoloured, columns },
      ),
  }
  await showGrowing(context, list)
  return printed
}

test('a followed list prints each record once below the list: new ones that match its filters, and those that were recorded while there was no connection', async () => {
  const printed = await follow(undefined)
  expect(printed.replaceAll(/ {2,}/g, ' ')).toBe(
    'ID SERVICE REASON\nd1 recovery because\nd3 autoscaler-with-a-long-name because\nd2 recovery because\n',
  )
  const reasons = printed.split('\n').map((line) => line.indexOf('because'))
  // The columns of a new row are as wide as those of the rows above it.
  expect(reasons[2]).toBe(reasons[3])
})

test('a followed list without a record prints the headings with the first record', async () => {
  const lines = (await follow(undefined, [])).split('\n')
  expect(lines.slice(0, 3)).toEqual([
    'None.',
    expect.stringMatching(/^ID +SERVICE/),
    expect.stringMatching(/^d3 /),
  ])
})

test('a followed list prints every field of a new record in a terminal that is too narrow for a table', async () => {
  expect(await follow(10)).toContain('\nID       d2\n')
})
