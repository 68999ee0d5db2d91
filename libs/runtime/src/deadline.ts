/**
 * Waits for a promise, but never longer than the deadline: true when it was fulfilled in time, false when it
 * is late (it then continues unobserved). A rejection is passed on only during the wait.
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
    // The race subscribes to both, so a late rejection is not an unhandled one.
    return await Promise.race([promise.then(() => true as const), late])
  } finally {
    clearTimeout(timer)
  }
}
