import type { TaskView } from '@agentfleet/protocol'

/** Ways to work with a task from a program, as text to copy. The key is a variable, never the key itself. */
export interface Snippet {
  readonly label: string
  readonly text: string
}

/** The package of the client, which the snippet imports and the page does not. */
const CLIENT = '@agentfleet/client'

/** Returns the snippets for a task of the gateway at this address. */
export function snippetsOf(task: TaskView, gateway: string): readonly Snippet[] {
  const key = '-H "authorization: Bearer $AGENTFLEET_KEY"'
  const body = submission(task)
  return [
    { label: 'curl: read it', text: `curl ${gateway}/v1/tasks/${task.id} ${key}` },
    {
      label: 'curl: submit the same task again',
      text: `curl ${gateway}/v1/tasks ${key} -H 'content-type: application/json' \\\n     -d ${quoted(JSON.stringify(body))}`,
    },
    {
      label: 'client for Node',
      text: [
        ['import { createClient }', 'from', quoted(CLIENT)].join(' '),
        '',
        `const client = createClient({ baseUrl: '${gateway}', apiKey: process.env.AGENTFLEET_KEY })`,
        `const task = await client.submit(${JSON.stringify(body, null, 2)})`,
        'for await (const frame of client.watch([task.id])) console.log(frame)',
      ].join('\n'),
    },
  ]
}

/** Returns the fields that a new submission needs; a task of a defined agent names the agent's version. */
function submission(task: TaskView): Record<string, unknown> {
  const { task: text, agent, definition, priority, cpu, memory, context, metadata, budget } = task
  // JSON has no undefined values: fields that the task does not have are left out.
  return {
    task: text,
    agent: definition?.name ?? agent,
    // A built-in definition has no version that a submission could name.
    agentVersion: definition?.version === 0 ? undefined : definition?.version,
    model: task.model,
    priority,
    cpu,
    memory,
    context,
    metadata,
    budget,
    ...(definition === undefined
      ? {
          systemPrompt: task.systemPrompt,
          tools: task.tools,
          responseSchema: task.responseSchema,
          fallbackModels: task.fallbackModels,
          limits: task.limits,
        }
      : {}),
  }
}

/** Quotes a text for a POSIX shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}
