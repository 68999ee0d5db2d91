import { createHmac, timingSafeEqual } from 'node:crypto'

/**
 * A claim proves that a load balancer gave this task to this node (L9). Load balancers sign,
 * coordinators check; nodes only carry it. The key never reaches a worker.
 */
export function signClaim(key: string, taskId: string, nodeId: string): string {
  return createHmac('sha256', key).update(taskId).update('\n').update(nodeId).digest('base64url')
}

/** Whether the claim was made for this task and node with this key, in constant time. */
export function checkClaim(key: string, claim: string, taskId: string, nodeId: string): boolean {
  const expected = Buffer.from(signClaim(key, taskId, nodeId))
  const given = Buffer.from(claim)
  return expected.length === given.length && timingSafeEqual(expected, given)
}
