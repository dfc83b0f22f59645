import { assertEquals } from "@std/assert";
import { BudgetedWork, TurnBudget } from "../../src/broker/turn.ts";

Deno.test("TurnBudget.renewed() lets those that wait go on one by one, until they have spent the budget of a turn", async () => {
  const budget = new TurnBudget();
  budget.spend(100);
  let [turns, isOver] = [0, false];
  const countTurns = () => {
    turns += 1;
    if (!isOver) setTimeout(countTurns, 0);
  };
  const perTurn = new Map<number, number>();
  const work = async () => {
    while (budget.isSpent) await budget.renewed();
    perTurn.set(turns, (perTurn.get(turns) ?? 0) + 1);
    budget.spend(5);
  };
  const working = Array.from({ length: 10 }, work);
  countTurns();
  await Promise.all(working);
  isOver = true;
  await new Promise((resolve) => setTimeout(resolve, 2)); // The last turn that is counted.
  assertEquals([...perTurn.values()], [2, 2, 2, 2, 2]);
});

Deno.test("TurnBudget.isSpent is of all that was spent in a turn", () => {
  const budget = new TurnBudget();
  assertEquals(budget.isSpent, false);
  for (let count = 0; count < 7; count++) budget.spend(1);
  assertEquals(budget.isSpent, false);
  budget.spend(1);
  assertEquals(budget.isSpent, true);
});

Deno.test("TurnBudget.close() resumes all that waits, and it is never spent again", async () => {
  const budget = new TurnBudget();
  budget.spend(100);
  const waiting = [budget.renewed(), budget.renewed()];
  budget.close();
  await Promise.all(waiting);
  budget.spend(100);
  assertEquals(budget.isSpent, false);
});

Deno.test("BudgetedWork.isLong when the budget is spent, by whomever, and when the last pause is as long ago", async () => {
  const budget = new TurnBudget(1_000_000);
  const work = new BudgetedWork(budget);
  assertEquals(work.isLong, false);
  budget.spend(1_000_000);
  assertEquals(work.isLong, true);
  await work.pause();
  assertEquals(work.isLong, false);
  const short = new BudgetedWork(new TurnBudget(2));
  const endMs = performance.now() + 3;
  while (performance.now() < endMs);
  short.waited(); // A hook that has answered with a promise may have worked.
  assertEquals(short.isLong, true);
  await short.pause();
});
