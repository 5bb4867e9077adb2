// Three runs: the class path with the Vector API's flag, without it, and the module path, which needs none.
def variants = new File(basedir, 'build.log').readLines()
        .findAll { it.startsWith('OK ') }
        .collect { it.endsWith('/scalar') ? 'scalar' : 'vector' }
assert variants == ['vector', 'scalar', 'vector']
