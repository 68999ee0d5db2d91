/** The `/sim` surface, with which tests inspect the simulator and change it while it runs. */
import type { ServerResponse } from 'node:http'
import { invalidRequest } from './api-error.ts'
import { sendError, sendJson } from './server.ts'
import type { SimulatorControls } from '../controls.ts'
import { isJsonObject } from './json.ts'

/** Keys named in one answer of `GET /sim/calls`; the statistics have their number. */
const REPEATED_MAX = 1_000

/** Answers a `GET` under `/sim`, or reports that the page does not exist. */
export function answerAdminGet(
  response: ServerResponse,
  path: string,
  query: string,
  controls: SimulatorControls,
): boolean {
  if (path === '/sim/stats') return sent(response, controls.stats())
  if (path === '/sim/config') return sent(response, controls.settings())
  if (path !== '/sim/calls') return false
  const taskId = new URLSearchParams(query).get('task')
  if (taskId === null) return sent(response, { repeated: controls.repeatedCalls(REPEATED_MAX) })
  return sent(response, { taskId, calls: controls.callsOf(taskId) })
}

/** Answers a `POST` under `/sim`, or reports that the page does not exist. */
export function answerAdminPost(
  response: ServerResponse,
  path: string,
  body: unknown,
  controls: SimulatorControls,
): boolean {
  if (path === '/sim/reset') {
    controls.reset()
    return sent(response, controls.stats())
  }
  if (path !== '/sim/config' && path !== '/sim/scripts') return false
  if (!isJsonObject(body)) {
    sendError(response, invalidRequest('The body must be a JSON object.'))
    return true
  }
  const problems =
    path === '/sim/config'
      ? controls.configure(body)
      : controls.addScript(body['name'], body['turns'])
  if (problems.length > 0) {
    sendError(response, invalidRequest(problems.join('; '), null, 'invalid_simulator_setting'))
    return true
  }
  return sent(response, path === '/sim/config' ? controls.settings() : { name: body['name'] })
}

function sent(response: ServerResponse, value: unknown): true {
  sendJson(response, 200, JSON.stringify(value))
  return true
}
