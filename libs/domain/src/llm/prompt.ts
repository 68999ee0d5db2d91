import type { TaskSpec } from '../task/spec.ts'

/** The two messages with which the conversation of every task begins. */
export interface Prompt {
  readonly system: string
  readonly user: string
}

/** Builds the prompt of a task; the same spec gives the same prompt on every node. */
export function promptOf(spec: TaskSpec): Prompt {
  const role = `You are the agent "${spec.agent}".`
  const form =
    spec.responseSchema === undefined
      ? undefined
      : `Your final answer must be only JSON that satisfies this JSON schema:\n${JSON.stringify(spec.responseSchema)}`
  const system = [role, spec.systemPrompt, form].filter((part) => part !== undefined).join('\n\n')
  const user =
    spec.context === undefined
      ? spec.task
      : `${spec.task}\n\nContext:\n${JSON.stringify(spec.context)}`
  return { system, user }
}
