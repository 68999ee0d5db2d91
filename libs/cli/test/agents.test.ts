import { expect, test } from 'vitest'
import { contextWith } from './context.ts'
import { agents } from '../src/commands/agents.ts'
import { EXIT } from '../src/exit.ts'

/** Stores a definition with these tools, and returns what the command printed and noted. */
async function put(tools: readonly string[], offered: () => Promise<unknown>) {
  const printed: string[] = []
  const noted: string[] = []
  const client = {
    putAgent: async () => ({ name: 'a', version: 1, builtIn: false, definition: { tools } }),
    tools: offered,
  }
  const context = contextWith({
    client: client as never,
    read: async () => JSON.stringify({ tools }),
    print: (line) => void printed.push(line),
    note: (line) => void noted.push(line),
  })
  const code = await agents.run(context, { args: ['put', 'a', '-'], values: {} })
  return { code, printed, noted }
}

test('the command agents put says which tools of the definition no node offers, because the gateway refuses the tasks of the agent', async () => {
  const offered = async () => [{ name: 'calculate' }]
  const stored = { code: EXIT.done, printed: ['a version 1'] }
  expect(await put(['calculate', 'files__*'], offered)).toEqual({ ...stored, noted: [] })
  expect(await put(['calculate', 'add', 'sum'], offered)).toEqual({
    ...stored,
    noted: [
      'No node offers add, sum now, so the gateway refuses tasks of this agent. "agentfleet agents tools" lists the tools.',
    ],
  })
  const refused = async () => Promise.reject(new Error('no right'))
  expect(await put(['add'], refused)).toEqual({ ...stored, noted: [] })
})
