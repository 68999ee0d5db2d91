import { useEffect, useRef, useState } from 'preact/hooks'
import type { TaskView } from '@agentfleet/protocol'
import { ApiError, request } from '../api/http.ts'

/**
 * Reads each task once, one after the other; `wanted` has the id of each task and a name, and another name of the
 * same task reads it again. A task that the key cannot read is left out.
 */
export function useTasks(wanted: ReadonlyMap<string, string>): ReadonlyMap<string, TaskView> {
  const [tasks, setTasks] = useState<ReadonlyMap<string, TaskView>>(new Map())
  const read = useRef(new Map<string, string>())
  const names = [...wanted.values()].join('\n')
  useEffect(() => {
    const abort = new AbortController()
    const readAll = async () => {
      for (const [id, name] of wanted) {
        if (read.current.get(id) === name) continue
        const task = await readTask(id, abort.signal)
        if (abort.signal.aborted) return
        read.current.set(id, name)
        if (task !== undefined) setTasks((before) => new Map(before).set(id, task))
      }
    }
    // Another failure ends this round; the list shows the failure, and its next change reads the rest.
    readAll().catch(() => {})
    return () => abort.abort()
  }, [names])
  return tasks
}

async function readTask(id: string, signal: AbortSignal): Promise<TaskView | undefined> {
  try {
    return await request<TaskView>(`/v1/tasks/${id}`, { signal })
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined
    throw error
  }
}
