/**
 * Waits for a promise, but never longer than the deadline: true when it was fulfilled in time, false
 * when it is late (it then goes on unobserved); its rejection is passed on only while waited for.
 */
export async function settleWithin(
  promise: Promise<unknown>,
  deadlineMs: number,
): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, deadlineMs, false)
  })
  try {
    // The race subscribes to both, so a rejection that comes late is not an unhandled one.
    return await Promise.race([promise.then(() => true as const), late])
  } finally {
    clearTimeout(timer)
  }
}
