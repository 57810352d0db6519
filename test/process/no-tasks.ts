export const answer = 42; // and no task
