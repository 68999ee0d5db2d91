/** Moves the focus to the heading of the view: after another view has opened, or after an action whose button disappears. */
export function focusHeading(): void {
  // The router scrolls: to the top, or to where the reader was.
  document.querySelector<HTMLElement>('main h1')?.focus({ preventScroll: true })
}
