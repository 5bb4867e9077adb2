package dev.halcyon.hal;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Enumeration;
import java.util.List;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// A class path with chosen providers on it: a class loader that defines their classes itself and
/// lists them as services.
class ProviderLoader extends ClassLoader {
    private static final String SERVICES = "META-INF/services/" + BackendProvider.class.getName();

    private final Set<String> own;
    private final Path list;

    private ProviderLoader(Path folder, List<String> names) throws IOException {
        super(ProviderLoader.class.getClassLoader());
        this.own = names.stream().map(ProviderLoader::outermost).collect(Collectors.toSet());
        this.list = Files.write(folder.resolve("providers"), names);
    }

    /// {@return a path with these providers, in this order, and no others}
    static ProviderLoader of(Path folder, Class<?>... providers) throws IOException {
        return new ProviderLoader(folder, Stream.of(providers).map(Class::getName).toList());
    }

    /// {@return what is discovered with these providers on the path}
    static Discovery discover(Path folder, Class<?>... providers) throws IOException {
        return Halcyon.discover(ServiceLoader.load(BackendProvider.class, of(folder, providers)));
    }

    /// {@return what is discovered with these names in the list of services}
    static Discovery discover(Path folder, List<String> names) throws IOException {
        return Halcyon.discover(
                ServiceLoader.load(BackendProvider.class, new ProviderLoader(folder, names)));
    }

    /// {@return what is discovered where the list of services cannot be read}
    static Discovery discoverUnreadable(Path folder) throws IOException {
        ProviderLoader loader =
                new ProviderLoader(folder, List.of()) {
                    @Override
                    public Enumeration<URL> getResources(String name) throws IOException {
                        throw new IOException("the disk is on fire");
                    }
                };
        return Halcyon.discover(ServiceLoader.load(BackendProvider.class, loader));
    }

    @Override
    public Enumeration<URL> getResources(String name) throws IOException {
        return name.equals(SERVICES)
                ? Collections.enumeration(List.of(list.toUri().toURL()))
                : super.getResources(name);
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        synchronized (getClassLoadingLock(name)) {
            if (!own.contains(outermost(name))) {
                return super.loadClass(name, resolve);
            }
            Class<?> loaded = findLoadedClass(name);
            return loaded == null ? define(name) : loaded;
        }
    }

    /// A class and what is nested in it must be of one loader.
    private static String outermost(String name) {
        int nested = name.indexOf('$');
        return nested < 0 ? name : name.substring(0, nested);
    }

    private Class<?> define(String name) throws ClassNotFoundException {
        try (InputStream bytes =
                ProviderLoader.class.getResourceAsStream("/" + name.replace('.', '/') + ".class")) {
            if (bytes == null) {
                throw new ClassNotFoundException(name);
            }
            byte[] code = bytes.readAllBytes();
            return defineClass(name, code, 0, code.length);
        } catch (IOException unreadable) {
            throw new ClassNotFoundException(name, unreadable);
        }
    }
}
