import { fileURLToPath } from 'node:url'

/** What the simulated models of a chaos run answer, and the tools that they call. */

/** The tools of the tests: `pay_out` needs approval and writes each call to TOOL_LOG, `warehouse` always fails. */
export const TOOLS_DIR = fileURLToPath(
  new URL('../../../../services/worker/test/tool-folder', import.meta.url),
)

/** The tool that needs approval. */
export const PAY_TOOL = 'pay_out'
/** Calls `pay_out` twice, in one turn after the other. */
export const PAY_MODEL = 'sim-script:chaos-pay'
/** Calls `warehouse`, which asks for another attempt each time. */
export const CLOSED_MODEL = 'sim-script:chaos-closed'
/** Delegates two tasks, of which the second needs the first; its children answer at once. */
export const LEAD_MODEL = 'sim-script:chaos-lead'

const pay = (amount: number) => ({ toolCalls: [{ name: PAY_TOOL, arguments: { amount } }] })
const TASKS = [
  { agent: 'developer', task: 'write it' },
  { agent: 'tester', task: 'test it', after: [0] },
]
const SCRIPTS = {
  'chaos-pay': [pay(5), pay(7), { content: 'paid' }],
  'chaos-closed': [{ toolCalls: [{ name: 'warehouse', arguments: {} }] }, { content: 'delivered' }],
  'chaos-lead': [
    { toolCalls: [{ name: 'delegate', arguments: { tasks: TASKS } }] },
    { content: 'all done' },
  ],
}

/** Gives a simulator the scripts. */
export async function teachScripts(simulatorUrl: string): Promise<void> {
  for (const [name, turns] of Object.entries(SCRIPTS)) {
    const body = JSON.stringify({ name, turns })
    const answer = await fetch(`${simulatorUrl}/sim/scripts`, { method: 'POST', body })
    if (!answer.ok) throw new Error(`the simulator refused ${name}: ${await answer.text()}`)
  }
}
