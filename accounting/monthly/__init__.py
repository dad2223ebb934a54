"""The monthly billing run: a folder of every workspace's statement, and what adds them up."""
