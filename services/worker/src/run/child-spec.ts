import { resolveAgent, type AgentDefinition, type TaskSpec } from '@agentfleet/domain'

/** The work of a task that a run creates, and the tasks whose results it needs. */
interface Work extends Pick<TaskSpec, 'task' | 'agent' | 'context'> {
  readonly dependsOn: readonly string[]
}

/** Returns the spec of a task that a run creates: its agent's settings, and the rest from the run's own task. */
export function childSpec(
  parent: TaskSpec,
  definition: AgentDefinition | undefined,
  { task, agent, context, dependsOn }: Work,
): TaskSpec {
  const { model, timeoutMs, ...part } = resolveAgent({}, definition ?? {})
  const { cpu, memory, priority, maxAttempts, metadata } = parent
  return {
    ...part,
    task,
    agent,
    model: model ?? parent.model,
    ...(context === undefined ? {} : { context }),
    cpu,
    memory,
    priority,
    maxAttempts,
    timeoutMs: Math.min(timeoutMs ?? parent.timeoutMs, parent.timeoutMs),
    ...(metadata === undefined ? {} : { metadata }),
    ...(dependsOn.length === 0 ? {} : { dependsOn }),
  }
}
