// Two runs of the whole kit, the second on the module path; the backend reached all it has in both.
def log = new File(basedir, 'build.log').readLines()
assert log.count { it.contains('3 of 3 implementations reached') } == 2
assert log.count { it.contains(' 0 failed, 0 failed as expected') } == 2
assert log.any { it.contains('release 25 module-path]') }
