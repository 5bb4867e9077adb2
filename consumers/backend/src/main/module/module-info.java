/// A backend of three kernels in plain Java, made of the parts that hal-api ships.
module com.example.abacus {
    requires dev.halcyon.hal;

    provides dev.halcyon.hal.BackendProvider with
            com.example.abacus.AbacusProvider;
}
