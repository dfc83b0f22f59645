/** Lets whatever else is due go first: what was read or has ended in this turn is known in the next. */
export function othersTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
