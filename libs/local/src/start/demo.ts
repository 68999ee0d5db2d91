import type { Client } from '@agentfleet/client'
import type { TaskView } from '@agentfleet/protocol'

/** The tasks of the first minute: one for each role, run through the whole fleet. */
const TASKS = [
  { agent: 'project-manager', task: 'Plan the launch of a small web shop in five steps.' },
  { agent: 'developer', task: 'Write a function that reverses a linked list.' },
  { agent: 'devops-engineer', task: 'List what to check before a release.' },
  { agent: 'tester', task: 'Name three edge cases of a date parser.' },
  { agent: 'analyst', task: 'Explain what a p99 latency is.' },
  { agent: 'writer', task: 'Write two sentences about late binding.' },
] as const

/** No task of the demo takes longer, seconds. */
const WAIT_SECONDS = 60

/** Runs `count` tasks and prints each result on arrival; true when all completed. */
export async function runDemo(
  client: Client,
  count: number,
  { say, show }: { say(line: string): void; show(view: TaskView): void },
  signal: AbortSignal,
): Promise<boolean> {
  say(`The fleet runs ${count === 1 ? 'one task' : `${count} tasks`}:`)
  const startedMs = performance.now()
  const states = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const { agent, task } = TASKS[index % TASKS.length]!
      const view = await client.submit({ agent, task }, { waitSeconds: WAIT_SECONDS, signal })
      const text = view.error?.message ?? JSON.stringify(view.result) ?? ''
      const ms = String(Math.round(performance.now() - startedMs)).padStart(5)
      const short = text.length > 72 ? `${text.slice(0, 71)}…` : text
      say(`  ${ms} ms  ${view.state.padEnd(9)} ${(view.node ?? '').padEnd(9)} ${agent}: ${short}`)
      show(view)
      return view.state
    }),
  )
  const completed = states.filter((state) => state === 'completed').length
  say(`${completed} of ${count} tasks completed in ${Math.round(performance.now() - startedMs)} ms`)
  return completed === count
}
