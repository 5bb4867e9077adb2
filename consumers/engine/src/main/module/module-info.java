/// The engine knows the API; which backend runs it is decided by what lies on the module path.
module com.example.engine {
    requires dev.halcyon.hal;
}
